import React from 'react';

import type { Format } from './format';
import { Waiting } from './month';
import type { OpenNotebook } from './notebook';
import type { IPartProps } from './panel';
import type { Spend } from './wire';

/** What the open notebook used this month, and its dearest cells. */
export function NotebookSpend({ state, format, actions }: IPartProps): React.JSX.Element {
  const { notebook, spend } = state;
  return (
    <section
      className="jp-asksage-spend"
      data-asksage="notebook"
      aria-labelledby="asksage-notebook"
    >
      <h3 id="asksage-notebook">{format.trans.__('This notebook')}</h3>
      {notebook === null ? (
        <p>{format.trans.__('Open a notebook to see what its cells used.')}</p>
      ) : spend ? (
        <Cells spend={spend} format={format} notebook={actions.notebook} />
      ) : (
        <Waiting format={format} />
      )}
    </section>
  );
}

interface ICellsProps {
  readonly spend: Spend;
  readonly format: Format;
  readonly notebook: OpenNotebook;
}

function Cells({ spend, format, notebook }: ICellsProps): React.JSX.Element {
  const { trans } = format;
  if (!spend.calls && !spend.open.calls) {
    return <p>{trans.__('No call was sent from this notebook this month.')}</p>;
  }
  const calls = trans._n('%1 call', '%1 calls', spend.calls);
  return (
    <>
      {spend.calls > 0 && (
        <p data-asksage="notebook-tokens">
          {trans.__('%1 tokens this month, %2', format.figure(spend.tokens), calls)}
        </p>
      )}
      {spend.open.calls > 0 && <p data-asksage="notebook-open">{format.opened(spend.open)}</p>}
      {spend.cells.length > 0 && (
        <ol className="jp-asksage-cells" aria-label={trans.__('Dearest cells')}>
          {spend.cells.map(cell => (
            <li key={cell.cell}>
              <Cell cell={cell} format={format} notebook={notebook} />
            </li>
          ))}
        </ol>
      )}
    </>
  );
}

function Cell(
  props: Omit<ICellsProps, 'spend'> & { cell: Spend['cells'][number] }
): React.JSX.Element {
  const { cell, format, notebook } = props;
  const { trans } = format;
  const label = notebook.label(cell.cell);
  const tokens = <span className="jp-asksage-figure">{format.figure(cell.tokens)}</span>;
  if (!label) {
    return (
      <div className="jp-asksage-row" data-gone="true">
        <span className="jp-asksage-cut">{trans.__('No longer in this notebook')}</span>
        {tokens}
      </div>
    );
  }
  const place = trans.__('Cell %1', label.place);
  return (
    <button
      type="button"
      className="jp-asksage-row"
      title={`${place} · ${cell.model} · ${trans._n('%1 call', '%1 calls', cell.calls)}`}
      onClick={() => notebook.show(cell.cell)}
    >
      <span className="jp-asksage-cut">{label.text ? `${place} · ${label.text}` : place}</span>
      {tokens}
    </button>
  );
}
