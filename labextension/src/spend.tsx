/** Where the tokens went: the open notebook's cells, and the month's last calls. */
import React from 'react';

import type { ICellLabel, OpenNotebook } from './notebook';
import { type IActions, type IPartProps, Line, Waiting } from './part';
import type { Month, Spend } from './wire';
import { Words } from './words';

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
  const { again, bound, cells, open, words } = spend;
  if (!words && !open.words) {
    return (
      <>
        <p>No call was sent from this notebook this month.</p>
        <Line name="notebook-bound" words={bound} />
      </>
    );
  }
  return (
    <>
      <Line name="notebook-tokens" words={words} />
      <Line name="notebook-bound" words={bound} />
      <Line name="notebook-open" words={open.words} />
      <Line name="notebook-again" words={again} />
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
  return (
    <button
      type="button"
      className="jp-asksage-row"
      title={`Cell ${label.place} · ${words}`}
      onClick={() => notebook.show(cell)}
    >
      <span className="jp-asksage-cut">{nameOf(label)}</span>
      {tokens}
    </button>
  );
}

/** The month's last calls, the newest first; each leads to its cell, where that can be opened. */
export function LastCalls({ state, actions }: IPartProps): React.JSX.Element {
  const calls = state.month?.calls;
  return (
    <section className="jp-asksage-calls" data-asksage="calls" aria-labelledby="asksage-calls">
      <h3 id="asksage-calls">
        Last calls
        {state.month && (
          <span className="jp-asksage-zone" title="The times below are of this zone">
            {state.month.zone}
          </span>
        )}
      </h3>
      {!calls ? (
        <Waiting />
      ) : calls.length ? (
        <ul>
          {calls.map((call, index) => (
            <li key={`${call.sent_at} ${index}`}>
              <Call call={call} actions={actions} />
            </li>
          ))}
        </ul>
      ) : (
        <p>No call was sent this month yet.</p>
      )}
    </section>
  );
}

interface ICallProps {
  readonly call: Month['calls'][number];
  readonly actions: IActions;
}

function Call({ call, actions }: ICallProps): React.JSX.Element {
  const { path, cell, where, figure, words } = call;
  const { notebook } = actions;
  // What is open may not be saved yet, and knows its cells best.
  const open = call.of_cell && cell && path === notebook.path ? notebook.label(cell) : null;
  const elsewhere = where && path !== notebook.path;
  const name = open ? nameOf(open) : call.name;
  const row = (
    <>
      <span className="jp-asksage-cut">{name}</span>
      <span className="jp-asksage-figure">{figure}</span>
      <span className="jp-asksage-quiet">
        <Words>{elsewhere ? `${where} · ${words}` : words}</Words>
      </span>
    </>
  );
  return path !== null && cell !== null ? (
    <button
      type="button"
      className="jp-asksage-row"
      title={`Show it in ${path}`}
      onClick={() => actions.showCell(path, cell)}
    >
      {row}
    </button>
  ) : (
    <div className="jp-asksage-row" title={name}>
      {row}
    </div>
  );
}

function nameOf({ place, text }: ICellLabel): string {
  return text ? `Cell ${place} · ${text}` : `Cell ${place}`;
}
