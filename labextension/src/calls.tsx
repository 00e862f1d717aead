import React from 'react';

import type { Format } from './format';
import { Waiting } from './month';
import type { IFigureProps } from './panel';
import type { Call } from './wire';

/** The month's last calls, the newest first. */
export function Calls({ state, format, balance }: IFigureProps): React.JSX.Element {
  const { trans } = format;
  const calls = state.month?.calls;
  return (
    <section className="jp-asksage-calls" data-asksage="calls" aria-labelledby="asksage-calls">
      <h3 id="asksage-calls">{trans.__('Last calls')}</h3>
      {!calls ? (
        <Waiting format={format} />
      ) : calls.length ? (
        <CallsList calls={calls} format={format} now={new Date(balance.now)} />
      ) : (
        <p>{trans.__('No call was sent this month yet.')}</p>
      )}
    </section>
  );
}

interface ICallsProps {
  readonly calls: readonly Call[];
  readonly format: Format;
  readonly now: Date;
}

function CallsList({ calls, format, now }: ICallsProps): React.JSX.Element {
  return (
    <ul>
      {calls.map((call, index) => (
        <li key={`${call.sent_at} ${index}`} className="jp-asksage-row">
          <span className="jp-asksage-cut" title={call.model}>
            {call.model}
          </span>
          <span className="jp-asksage-figure">{format.figure(call.tokens)}</span>
          <span className="jp-asksage-quiet">
            {[format.moment(new Date(call.sent_at), now), ...marks(call, format)].join(' · ')}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** What is out of the ordinary about a call. */
function marks({ meter, source, status }: Call, { trans }: Format): string[] {
  return [
    meter === 'training' ? trans.__('training') : '',
    status === 'open' ? trans.__('held, no bill yet') : '',
    source === 'presumed' ? trans.__('presumed') : '',
    status === 'lost' ? trans.__('reply lost') : ''
  ].filter(Boolean);
}
