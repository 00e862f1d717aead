import { refreshIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { Endpoints } from './endpoints';
import { MeterCard } from './meter';
import { MonthPicture } from './month';
import { Notice } from './notice';
import { type IPartProps, Line } from './part';
import { LastCalls, NotebookSpend } from './spend';

/** All that the sidebar shows. */
export function Panel(props: IPartProps): React.JSX.Element {
  const meters = props.state.balance?.meters ?? [];
  return (
    <>
      <Header {...props} />
      <Notice {...props} />
      {meters.map(meter => (
        <MeterCard key={meter.meter} meter={meter} />
      ))}
      <Endpoints {...props} />
      {meters.length > 0 && (
        <>
          <MonthPicture {...props} />
          <NotebookSpend {...props} />
          <LastCalls {...props} />
        </>
      )}
    </>
  );
}

/** Whose tokens these are, when they come anew, and how old the figures are. */
function Header({ state, actions }: IPartProps): React.JSX.Element {
  const { balance, note, refreshing } = state;
  return (
    <div className="jp-asksage-header">
      <div className="jp-asksage-title">
        <h2>Ask Sage</h2>
        <button
          type="button"
          className="jp-asksage-refresh"
          data-asksage="refresh"
          data-busy={refreshing}
          aria-disabled={refreshing}
          aria-label="Refresh"
          title={
            balance?.can_check ? "Compare with the service's counters" : 'Read the figures again'
          }
          onClick={actions.refresh}
        >
          <refreshIcon.react tag="span" />
        </button>
      </div>
      {balance?.account && <Account {...balance.account} />}
      <Line name="reset" words={balance?.reset} />
      <Line name="age" words={balance?.age} title={balance?.sources} isQuiet />
      <Line name="open" words={balance?.open.words} />
      <p role="status" className="jp-asksage-quiet" data-asksage="note">
        {refreshing ? 'Refreshing …' : note}
      </p>
    </div>
  );
}

interface IAccountProps {
  readonly holder: string;
  readonly host: string;
  readonly demo: boolean;
  readonly title: string;
}

function Account({ holder, host, demo, title }: IAccountProps): React.JSX.Element {
  return demo ? (
    <p className="jp-asksage-badge" data-asksage="account">
      {title}
    </p>
  ) : (
    <p className="jp-asksage-account" data-asksage="account" title={title}>
      <span>{holder}</span>
      <span className="jp-asksage-quiet">{host}</span>
    </p>
  );
}
