import React from 'react';

import { barOf } from './bar';
import type { Format } from './format';
import { levelOf, type Limit, limitOf } from './level';
import type { Meter, Pool } from './wire';

interface IMeterProps {
  readonly meter: Meter;
  /** Whether the person is to tell what is not known: not while Ask Sage may yet. */
  readonly mayTell: boolean;
  readonly format: Format;
}

/** One meter: what is left of it and what to expect, and the pool that its calls must fit. */
export function MeterCard({ meter, mayTell, format }: IMeterProps): React.JSX.Element {
  const { pool } = meter;
  const hasOwnLimit = !pool || pool.capped;
  const title = `asksage-${meter.meter}`;
  return (
    <section
      className="jp-asksage-meter"
      data-asksage={`meter-${meter.meter}`}
      data-level={levelOf(limitOf(meter))}
      aria-labelledby={title}
    >
      <h3 id={title}>
        {format.meterName(meter.meter)}
        {hasOwnLimit && <Step limit={meter} format={format} />}
      </h3>
      {hasOwnLimit && (
        <>
          <Left
            limit={meter}
            name={meter.meter}
            label={format.trans.__('%1 tokens', format.meterName(meter.meter))}
            format={format}
          />
          <Pace meter={meter} />
        </>
      )}
      {pool && <PoolPart pool={pool} meter={meter} format={format} />}
      {meter.asked_for > 0 && (
        <p className="jp-asksage-quiet" data-asksage={`asked-${meter.meter}`}>
          {format.trans.__('%1 asked for, pending', format.figure(meter.asked_for))}
        </p>
      )}
      <Source meter={meter} mayTell={mayTell} format={format} />
    </section>
  );
}

/** What the pool has left: below a cap of one's own, or the only limit there is. */
function PoolPart({
  pool,
  meter,
  format
}: Omit<IMeterProps, 'mayTell'> & { pool: Pool }): React.JSX.Element {
  const { trans } = format;
  const name = `pool-${meter.meter}`;
  const label = trans.__('%1 tokens of the pool %2', format.meterName(meter.meter), pool.name);
  return (
    <div className="jp-asksage-pool" data-asksage={name}>
      <h4>
        {trans.__('Pool %1', pool.name)}
        <Step limit={pool} format={format} />
      </h4>
      <Left limit={pool} name={name} label={label} format={format} />
      {!pool.capped && (
        <p data-asksage={`own-${meter.meter}`}>
          {trans.__('You used %1 of it.', format.figure(meter.used))}
        </p>
      )}
    </div>
  );
}

interface ILimitProps {
  readonly limit: Limit;
  readonly format: Format;
}

function Step({ limit, format }: ILimitProps): React.JSX.Element | null {
  const level = levelOf(limit);
  const words = format.level(level);
  return words ? (
    <span className="jp-asksage-level" data-level={level}>
      {words}
    </span>
  ) : null;
}

interface ILeftProps extends ILimitProps {
  /** What `data-asksage` calls it. */
  readonly name: string;
  /** What the bar is of. */
  readonly label: string;
}

/** What is left of a limit, and the bar of what was taken. */
function Left({ limit, name, label, format }: ILeftProps): React.JSX.Element {
  const [figure, words] = format.headline(limit);
  return (
    <>
      <p className="jp-asksage-headline">
        <strong data-asksage={`remaining-${name}`}>{figure}</strong> {words}
      </p>
      {limit.granted !== null && <Bar limit={limit} label={label} format={format} />}
    </>
  );
}

function Bar({ limit, label, format }: Omit<ILeftProps, 'name'>): React.JSX.Element {
  const bar = barOf(limit);
  const parts = format.parts(limit);
  const taken = limit.used + limit.held;
  const told = [...parts.map(({ words }) => words), format.headline(limit).join(' ')];
  return (
    <>
      <div
        className="jp-asksage-bar"
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={Math.max(limit.granted ?? 0, taken, 1)}
        aria-valuenow={Math.max(taken, 0)}
        aria-valuetext={told.join(', ')}
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
    <p data-asksage={`pace-${meter.meter}`}>
      {pace.lasts === false ? <strong>{pace.words}</strong> : pace.words} {pace.advice}
    </p>
  );
}

/** Where the figures come from, or who can tell them. */
function Source({ meter, mayTell, format }: IMeterProps): React.JSX.Element {
  const { trans } = format;
  return (
    <p className="jp-asksage-quiet" data-asksage={`source-${meter.meter}`}>
      {meter.granted !== null
        ? trans.__('Source: %1', meter.source)
        : meter.pool
          ? trans.__("The pool's owner has not told its tokens yet.")
          : mayTell && (
              <>
                {trans.__('Tell it in a notebook:')}{' '}
                <code>asksage_jupyter.set_plan({meter.meter}=...)</code>
              </>
            )}
    </p>
  );
}
