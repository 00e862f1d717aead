import { refreshIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { Format } from './format';
import type { IPartProps } from './panel';
import type { Balance } from './wire';

/** Whose tokens these are, when they come anew, and how old the figures are. */
export function Header({ state, format, actions }: IPartProps): React.JSX.Element {
  const { trans } = format;
  const { balance, note, refreshing } = state;
  return (
    <div className="jp-asksage-header">
      <div className="jp-asksage-title">
        <h2>{trans.__('Ask Sage')}</h2>
        <button
          type="button"
          className="jp-asksage-refresh"
          data-asksage="refresh"
          data-busy={refreshing}
          aria-disabled={refreshing}
          aria-label={trans.__('Refresh')}
          title={
            balance?.can_check
              ? trans.__("Compare with the service's counters")
              : trans.__('Read the figures again')
          }
          onClick={actions.refresh}
        >
          <refreshIcon.react tag="span" />
        </button>
      </div>
      {balance?.account && <Account account={balance.account} format={format} />}
      {balance?.period && <p data-asksage="reset">{format.reset(balance.period)}</p>}
      {balance && balance.meters.length > 0 && (
        <p className="jp-asksage-quiet" data-asksage="age">
          {age(balance, format)}
        </p>
      )}
      {balance && balance.open.calls > 0 && (
        <p data-asksage="open">{format.opened(balance.open)}</p>
      )}
      <p role="status" className="jp-asksage-quiet" data-asksage="note">
        {refreshing ? trans.__('Refreshing …') : note && sentence(note)}
      </p>
    </div>
  );
}

function Account(props: {
  account: NonNullable<Balance['account']>;
  format: Format;
}): React.JSX.Element {
  const { account, format } = props;
  if (account.demo) {
    return (
      <p className="jp-asksage-badge" data-asksage="account">
        {format.trans.__('Local demo, not Ask Sage tokens')}
      </p>
    );
  }
  return (
    <p className="jp-asksage-account" data-asksage="account" title={account.title}>
      <span>{account.holder}</span>
      <span className="jp-asksage-quiet">{account.host}</span>
    </p>
  );
}

/** "Checked 2 min ago", or since when the figures stand where nobody compared them. */
function age(balance: Balance, format: Format): string {
  const { trans } = format;
  const now = new Date(balance.now);
  if (balance.checked_at) {
    return trans.__('Checked %1', format.age(new Date(balance.checked_at), now));
  }
  const changed = balance.meters.flatMap(({ as_of }) => (as_of ? [Date.parse(as_of)] : []));
  return changed.length
    ? trans.__('Last change %1', format.age(new Date(Math.max(...changed)), now))
    : trans.__('Not compared with the service yet');
}

function sentence(words: string): string {
  return words.charAt(0).toLocaleUpperCase() + words.slice(1);
}
