/**
 * The one cell of code below a cell that asks for code (`-f code`).
 *
 * A kernel can only have a cell added, so each run would leave one more for the next Run All. Here the cell of an
 * earlier run goes when the new one comes, if it still stands where it was put and nobody edited it. What the
 * asking cell keeps of it in its metadata is sent with each request: so a kernel knows that it may add one again.
 */
import type { ISignal } from '@lumino/signaling';

const KEY = 'asksage';
const CODE = 'text/x-python';

interface ISharedCell {
  readonly id: string;
  getSource(): string;
  getMetadata(key: string): unknown;
  setMetadata(key: string, value: object): void;
  getOutputs?(): { data?: Record<string, unknown> }[];
}

interface IChange {
  cellsChange?: { retain?: number; insert?: unknown }[];
}

export interface ISharedNotebook {
  readonly cells: readonly ISharedCell[];
  readonly changed: ISignal<ISharedNotebook, IChange>;
  deleteCell(index: number): void;
}

/** What an asking cell keeps of the cell that was made for it. */
interface IMade {
  readonly cell: string;
  readonly source: number;
}

/** Keep one made cell a cell from now on; harmless when repeated. */
export function keepOne(notebook: ISharedNotebook): void {
  notebook.changed.connect(onChange);
}

function onChange(notebook: ISharedNotebook, { cellsChange }: IChange): void {
  const [first, second] = cellsChange ?? [];
  if (first?.insert || second?.insert) {
    const index = first?.retain ?? 0;
    // Not within the change itself, which others still hear of.
    void Promise.resolve().then(() => replace(notebook, index));
  }
}

function replace(notebook: ISharedNotebook, index: number): void {
  const [asking, added, next] = [-1, 0, 1].map(step => notebook.cells[index + step]);
  const source = added?.getSource();
  if (!asking || !added || !source || codeOf(asking) !== source) {
    return;
  }
  const made = asking.getMetadata(KEY) as Partial<IMade> | undefined;
  if (next && made?.cell === next.id && made.source === fingerprint(next.getSource())) {
    notebook.deleteCell(index + 1);
  }
  asking.setMetadata(KEY, { cell: added.id, source: fingerprint(source) } satisfies IMade);
}

/** The code that a cell's reply holds, where it asked for code. */
function codeOf(cell: ISharedCell): unknown {
  const told = cell.getOutputs?.().map(({ data }) => data?.[CODE]);
  return told?.find(code => code !== undefined);
}

/** Tells one text from another (FNV-1a), so that a notebook need not hold it twice. */
function fingerprint(text: string): number {
  let hash = 0x811c9dc5;
  for (const letter of text) {
    hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193);
  }
  return hash >>> 0;
}
