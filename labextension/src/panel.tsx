import React from 'react';

import { Calls } from './calls';
import type { Format } from './format';
import { Header } from './header';
import { MeterCard } from './meter';
import type { IState } from './model';
import { MonthPicture } from './month';
import type { OpenNotebook } from './notebook';
import { NotebookSpend } from './spend';
import { Notice } from './states';
import type { Balance } from './wire';

/** What a person may do in the sidebar. */
export interface IActions {
  readonly notebook: OpenNotebook;
  readonly refresh: () => void;
  readonly insertCell: () => void;
}

export interface IPartProps {
  readonly state: IState;
  readonly format: Format;
  readonly actions: IActions;
}

export interface IFigureProps extends IPartProps {
  readonly balance: Balance;
}

/** All that the sidebar shows. */
export function Panel(props: IPartProps): React.JSX.Element {
  const { balance } = props.state;
  return (
    <>
      <Header {...props} />
      <Notice {...props} />
      {balance && hasFigures(balance) && <Figures {...props} balance={balance} />}
    </>
  );
}

function hasFigures({ state, meters, access }: Balance): boolean {
  // Before first contact there is nothing to see, but what stands in its way.
  const isBefore = access !== null && !meters.some(meter => meter.used || meter.held);
  return meters.length > 0 && (state === 'known' || (state === 'unknown' && !isBefore));
}

function Figures(props: IFigureProps): React.JSX.Element {
  const { balance, format } = props;
  return (
    <>
      {balance.meters.map(meter => (
        <MeterCard
          key={meter.meter}
          meter={meter}
          mayTell={balance.access === null}
          format={format}
        />
      ))}
      <MonthPicture {...props} />
      <NotebookSpend {...props} />
      <Calls {...props} />
    </>
  );
}
