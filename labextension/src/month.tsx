import React from 'react';

import type { Format } from './format';
import type { IPartProps } from './panel';
import type { Month } from './wire';

const HEIGHT = 64;
const BAR = 0.72; // of a day's width

/** The month: tokens used each day, against the even line that would just last. */
export function MonthPicture({ state, format }: IPartProps): React.JSX.Element | null {
  const { trans } = format;
  const { month, detailTrouble } = state;
  return (
    <section className="jp-asksage-month" data-asksage="month" aria-labelledby="asksage-month">
      <h3 id="asksage-month">{trans.__('This month')}</h3>
      {detailTrouble && <p>{trans.__('Not up to date: %1', detailTrouble)}</p>}
      {month ? <Days month={month} format={format} /> : <Waiting format={format} />}
    </section>
  );
}

/** A quiet place for what is on its way. */
export function Waiting({ format }: { format: Format }): React.JSX.Element {
  return <p className="jp-asksage-quiet">{format.trans.__('Reading …')}</p>;
}

function Days({ month, format }: { month: Month; format: Format }): React.JSX.Element {
  const { trans } = format;
  const { days, granted } = month;
  const most = Math.max(...days.map(({ used }) => used));
  if (!(most > 0)) {
    return <p>{trans.__('No inference tokens were used this month yet.')}</p>;
  }
  const even = granted ? Math.floor(granted / days.length) : null;
  const [first, last] = [days[0], days[days.length - 1]];
  return (
    <figure>
      <Bars month={month} format={format} most={most} even={even} />
      <div className="jp-asksage-axis" aria-hidden="true">
        <span>{first && format.day(first.date)}</span>
        <span>{last && format.day(last.date)}</span>
      </div>
      <figcaption className="jp-asksage-quiet">
        {even !== null && trans.__('Evenly spent: %1 a day', format.figure(even))}
      </figcaption>
      <DaysTable month={month} format={format} />
    </figure>
  );
}

interface IBarsProps {
  readonly month: Month;
  readonly format: Format;
  readonly most: number;
  /** Tokens a day that would just last; null where no allotment is known. */
  readonly even: number | null;
}

function Bars({ month, format, most, even }: IBarsProps): React.JSX.Element {
  const { days } = month;
  const scale = HEIGHT / Math.max(most, (even ?? 0) * 1.1);
  return (
    <svg
      role="img"
      aria-label={summary(month, format, most)}
      viewBox={`0 0 ${days.length} ${HEIGHT}`}
      preserveAspectRatio="none"
    >
      {days.map(({ date, used }, index) => {
        const height = used > 0 ? Math.max(used * scale, 1.5) : 0;
        return (
          <rect
            key={date}
            x={index + (1 - BAR) / 2}
            y={HEIGHT - height}
            width={BAR}
            height={height}
          >
            <title>{`${format.day(date)}: ${format.figure(used)}`}</title>
          </rect>
        );
      })}
      {even !== null && (
        <line x1={0} x2={days.length} y1={HEIGHT - even * scale} y2={HEIGHT - even * scale} />
      )}
    </svg>
  );
}

/** The picture in a sentence. */
function summary({ days }: Month, format: Format, most: number): string {
  const sum = days.reduce((total, { used }) => total + used, 0);
  const peak = days.find(({ used }) => used === most);
  return format.trans.__(
    'Inference tokens used each day: %1 in all, most on %2 (%3).',
    format.figure(sum),
    peak ? format.day(peak.date) : '',
    format.figure(most)
  );
}

/** The picture for those who do not see it: days without a call are left out. */
function DaysTable({ month, format }: { month: Month; format: Format }): React.JSX.Element {
  const { trans } = format;
  return (
    <table className="jp-asksage-unseen">
      <caption>{trans.__('Inference tokens used each day')}</caption>
      <thead>
        <tr>
          <th scope="col">{trans.__('Day')}</th>
          <th scope="col">{trans.__('Tokens')}</th>
        </tr>
      </thead>
      <tbody>
        {month.days
          .filter(({ used }) => used !== 0)
          .map(({ date, used }) => (
            <tr key={date}>
              <th scope="row">{format.day(date)}</th>
              <td>{format.figure(used)}</td>
            </tr>
          ))}
      </tbody>
    </table>
  );
}
