import React from 'react';

import { barOf } from './bar';
import type { Format } from './format';
import { levelOf } from './level';
import type { Meter } from './wire';

/** One meter: what is left, the bar, and what to expect. */
export function MeterCard({ meter, format }: { meter: Meter; format: Format }): React.JSX.Element {
  const level = levelOf(meter);
  const [figure, words] = format.headline(meter);
  const title = `asksage-${meter.meter}`;
  return (
    <section
      className="jp-asksage-meter"
      data-asksage={`meter-${meter.meter}`}
      data-level={level}
      aria-labelledby={title}
    >
      <h3 id={title}>
        {format.meterName(meter.meter)}
        {format.level(level) && <span className="jp-asksage-level">{format.level(level)}</span>}
      </h3>
      <p className="jp-asksage-headline">
        <strong data-asksage={`remaining-${meter.meter}`}>{figure}</strong> {words}
      </p>
      {meter.granted !== null && <Bar meter={meter} format={format} />}
      <Pace meter={meter} />
      <p className="jp-asksage-quiet" data-asksage={`source-${meter.meter}`}>
        {meter.granted === null ? (
          <>
            {format.trans.__('Tell it in a notebook:')}{' '}
            <code>asksage_jupyter.set_plan({meter.meter}=...)</code>
          </>
        ) : (
          format.trans.__('Source: %1', meter.source)
        )}
      </p>
    </section>
  );
}

function Bar({ meter, format }: { meter: Meter; format: Format }): React.JSX.Element {
  const bar = barOf(meter);
  const parts = format.parts(meter);
  const taken = meter.used + meter.held;
  return (
    <>
      <div
        className="jp-asksage-bar"
        role="progressbar"
        aria-label={format.trans.__('%1 tokens', format.meterName(meter.meter))}
        aria-valuemin={0}
        aria-valuemax={Math.max(meter.granted ?? 0, taken, 1)}
        aria-valuenow={Math.max(taken, 0)}
        aria-valuetext={[...parts.map(({ words }) => words), format.headline(meter).join(' ')].join(
          ', '
        )}
      >
        {parts.map(({ part }) => (
          <span key={part} data-part={part} style={{ width: `${100 * bar[part]}%` }} />
        ))}
      </div>
      <ul className="jp-asksage-legend">
        {parts.map(({ part, words }) => (
          <li key={part}>
            <span data-part={part} aria-hidden="true" />
            {words}
          </li>
        ))}
      </ul>
    </>
  );
}

function Pace({ meter }: { meter: Meter }): React.JSX.Element | null {
  const { pace } = meter;
  if (!pace || meter.granted === null || !(meter.used || meter.held)) {
    return null; // of a meter that nobody uses there is nothing to expect
  }
  return (
    <div className="jp-asksage-pace" data-asksage={`pace-${meter.meter}`}>
      <p>{pace.lasts === false ? <strong>{pace.words}</strong> : pace.words}</p>
      {pace.advice && <p>{pace.advice}</p>}
    </div>
  );
}
