/** Where the tokens went: the open notebook's cells, and the month's last calls. */
import React from 'react';

import { Waiting } from './month';
import type { OpenNotebook } from './notebook';
import { type IPartProps, Line } from './panel';
import type { Month, Spend } from './wire';

/** What the open notebook used this month, and its dearest cells. */
export function NotebookSpend({ state, actions }: IPartProps): React.JSX.Element {
  const { notebook, spend } = state;
  return (
    <section
      className="jp-asksage-spend"
      data-asksage="notebook"
      aria-labelledby="asksage-notebook"
    >
      <h3 id="asksage-notebook">This notebook</h3>
      {notebook === null ? (
        <p>Open a notebook to see what its cells used.</p>
      ) : spend ? (
        <Cells spend={spend} notebook={actions.notebook} />
      ) : (
        <Waiting />
      )}
    </section>
  );
}

interface ICellsProps {
  readonly spend: Spend;
  readonly notebook: OpenNotebook;
}

function Cells({ spend, notebook }: ICellsProps): React.JSX.Element {
  const { cells, open, words } = spend;
  if (!words && !open.words) {
    return <p>No call was sent from this notebook this month.</p>;
  }
  return (
    <>
      <Line name="notebook-tokens" words={words} />
      <Line name="notebook-open" words={open.words} />
      {cells.length > 0 && (
        <ol className="jp-asksage-cells" aria-label="Dearest cells">
          {cells.map(cell => (
            <li key={cell.cell}>
              <Cell cell={cell} notebook={notebook} />
            </li>
          ))}
        </ol>
      )}
    </>
  );
}

interface ICellProps {
  readonly cell: Spend['cells'][number];
  readonly notebook: OpenNotebook;
}

function Cell({ cell: { cell, figure, words }, notebook }: ICellProps): React.JSX.Element {
  const label = notebook.label(cell);
  const tokens = <span className="jp-asksage-figure">{figure}</span>;
  if (!label) {
    return (
      <div className="jp-asksage-row" data-gone="true">
        <span className="jp-asksage-cut">No longer in this notebook</span>
        {tokens}
      </div>
    );
  }
  const place = `Cell ${label.place}`;
  return (
    <button
      type="button"
      className="jp-asksage-row"
      title={`${place} · ${words}`}
      onClick={() => notebook.show(cell)}
    >
      <span className="jp-asksage-cut">{label.text ? `${place} · ${label.text}` : place}</span>
      {tokens}
    </button>
  );
}

/** The month's last calls, the newest first. */
export function LastCalls({ state }: IPartProps): React.JSX.Element {
  const calls = state.month?.calls;
  return (
    <section className="jp-asksage-calls" data-asksage="calls" aria-labelledby="asksage-calls">
      <h3 id="asksage-calls">Last calls</h3>
      {!calls ? (
        <Waiting />
      ) : calls.length ? (
        <ul>{calls.map(callRow)}</ul>
      ) : (
        <p>No call was sent this month yet.</p>
      )}
    </section>
  );
}

function callRow(
  { sent_at, model, figure, words }: Month['calls'][number],
  index: number
): React.JSX.Element {
  return (
    <li key={`${sent_at} ${index}`} className="jp-asksage-row">
      <span className="jp-asksage-cut" title={model}>
        {model}
      </span>
      <span className="jp-asksage-figure">{figure}</span>
      <span className="jp-asksage-quiet">{words}</span>
    </li>
  );
}
