import React from 'react';

import type { Gauge, Meter } from './wire';
import { Words } from './words';

/** One meter: what is left of it, of its pool, and what to expect. */
export function MeterCard({ meter }: { readonly meter: Meter }): React.JSX.Element {
  const { meter: name, title, level, gauges, lines } = meter;
  const id = `asksage-${name}`;
  const own = gauges.find(gauge => !gauge.pool);
  const pool = gauges.find(gauge => gauge.pool);
  return (
    <section
      className="jp-asksage-meter"
      data-asksage={`meter-${name}`}
      data-level={level}
      aria-labelledby={id}
    >
      <h3 id={id}>
        {title}
        {own && <Step {...own} />}
      </h3>
      {own && <Left gauge={own} name={name} />}
      {pool && (
        <div className="jp-asksage-pool" data-asksage={`pool-${name}`}>
          <h4>
            {pool.name}
            <Step {...pool} />
          </h4>
          <Left gauge={pool} name={`pool-${name}`} />
        </div>
      )}
      {lines.map(({ kind, words }) => (
        <p key={kind} data-asksage={`${kind}-${name}`}>
          <Words>{words}</Words>
        </p>
      ))}
    </section>
  );
}

function Step({ level, step }: Gauge): React.JSX.Element | null {
  return step ? (
    <span className="jp-asksage-level" data-level={level}>
      {step}
    </span>
  ) : null;
}

interface ILeftProps {
  readonly gauge: Gauge;
  /** What `data-asksage` calls it. */
  readonly name: string;
}

/** What is left of a limit, and the bar of what was taken. */
function Left({ gauge, name }: ILeftProps): React.JSX.Element {
  const { figure, against, bar, label } = gauge;
  const taken = bar.reduce((sum, { share }) => sum + share, 0);
  const told = [...bar.map(({ words }) => words), `${figure} ${against}`].join(', ');
  return (
    <>
      <p className="jp-asksage-headline">
        <strong data-asksage={`remaining-${name}`}>{figure}</strong> {against}
      </p>
      {bar.length > 0 && (
        <>
          <div
            className="jp-asksage-bar"
            role="progressbar"
            aria-label={label}
            aria-valuenow={Math.min(Math.round(100 * taken), 100)}
            aria-valuetext={told}
          >
            {bar.map(({ kind, share }) => (
              <span key={kind} data-kind={kind} style={{ width: `${100 * share}%` }} />
            ))}
          </div>
          <ul className="jp-asksage-legend">
            {bar.map(({ kind, words }) => (
              <li key={kind}>
                <span data-kind={kind} aria-hidden="true" />
                {words}
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}
