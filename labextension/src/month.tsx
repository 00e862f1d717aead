import React from 'react';

import { type IPartProps, Waiting } from './part';
import type { Month } from './wire';

const HEIGHT = 64;
const BAR = 0.72; // of a day's width

/** The month: tokens used each day, against the even line that would just last. */
export function MonthPicture({ state }: IPartProps): React.JSX.Element {
  const { month, detailTrouble } = state;
  return (
    <section className="jp-asksage-month" data-asksage="month" aria-labelledby="asksage-month">
      <h3 id="asksage-month">This month</h3>
      {detailTrouble && <p>Not up to date: {detailTrouble}</p>}
      {month ? <Days month={month} /> : <Waiting />}
    </section>
  );
}

interface IMonthProps {
  readonly month: Month;
}

function Days({ month }: IMonthProps): React.JSX.Element {
  const { days, even, words } = month;
  if (!words) {
    return <p>No inference tokens were used this month yet.</p>;
  }
  return (
    <figure>
      <Bars month={month} />
      <div className="jp-asksage-axis" aria-hidden="true">
        <span>{days[0]?.day}</span>
        <span>{days.at(-1)?.day}</span>
      </div>
      {even && <figcaption className="jp-asksage-quiet">{even.words}</figcaption>}
      <DaysTable month={month} />
    </figure>
  );
}

function Bars({ month: { days, even, words } }: IMonthProps): React.JSX.Element {
  const tokens = even?.tokens ?? [];
  const most = Math.max(...days.map(({ used }) => used), 1.1 * Math.max(0, ...tokens));
  const above = (amount: number) => HEIGHT - (HEIGHT * amount) / most;
  const line = tokens.map((amount, day) => (amount ? `M${day},${above(amount)}h1` : '')).join('');
  return (
    <svg
      role="img"
      aria-label={words}
      viewBox={`0 0 ${days.length} ${HEIGHT}`}
      preserveAspectRatio="none"
    >
      {days.map(({ date, day, used, figure }, index) => {
        const top = used > 0 ? Math.min(above(used), HEIGHT - 1.5) : HEIGHT;
        return (
          <rect key={date} x={index + (1 - BAR) / 2} y={top} width={BAR} height={HEIGHT - top}>
            <title>{`${day}: ${figure}`}</title>
          </rect>
        );
      })}
      {line && <path d={line} />}
    </svg>
  );
}

/** The picture for those who do not see it: days without a call are left out. */
function DaysTable({ month }: IMonthProps): React.JSX.Element {
  return (
    <table className="jp-asksage-unseen">
      <caption>Inference tokens used each day</caption>
      <thead>
        <tr>
          <th scope="col">Day</th>
          <th scope="col">Tokens</th>
        </tr>
      </thead>
      <tbody>
        {month.days
          .filter(({ used }) => used !== 0)
          .map(({ date, day, figure }) => (
            <tr key={date}>
              <th scope="row">{day}</th>
              <td>{figure}</td>
            </tr>
          ))}
      </tbody>
    </table>
  );
}
