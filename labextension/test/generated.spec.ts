import { Signal } from '@lumino/signaling';

import { type ISharedNotebook, keepOne } from '../src/generated';

/** A cell as it is shared. */
class Cell {
  constructor(
    readonly id: string,
    public source: string
  ) {}

  getSource = () => this.source;
  getOutputs = () => this.outputs;
  getMetadata = (key: string) => this.metadata[key];
  setMetadata = (key: string, value: object) => void (this.metadata[key] = value);
  outputs: { data?: Record<string, unknown> }[] = [];
  private metadata: Record<string, unknown> = {};
}

/** A notebook with a cell that asks for code, and a cell below it. */
class Notebook implements ISharedNotebook {
  readonly asking = new Cell('asking', '%%asksage -f code');
  readonly cells = [this.asking, new Cell('other', 'x = 1')];
  readonly changed = new Signal<this, object>(this);
  deleteCell = (index: number) => void this.cells.splice(index, 1);

  get below(): string[] {
    return this.cells.slice(1).map(each => each.source);
  }

  async insert(index: number, source: string): Promise<Cell> {
    const added = new Cell(`new ${++this.count}`, source);
    this.cells.splice(index, 0, added);
    this.changed.emit({
      cellsChange: [...(index ? [{ retain: index }] : []), { insert: [added] }]
    });
    await Promise.resolve();
    return added;
  }

  /** As JupyterLab does when the kernel's reply asks for a next cell. */
  run(code: string): Promise<Cell> {
    this.asking.outputs = [
      {},
      { data: { 'text/plain': 'So:', 'text/x-python': code } },
      { data: {} }
    ];
    return this.insert(1, code);
  }

  private count = 0;
}

function kept(): Notebook {
  const notebook = new Notebook();
  keepOne(notebook);
  keepOne(notebook);
  return notebook;
}

it('replaces the code of the run before', async () => {
  const notebook = kept();
  for (const code of ['print(1)', 'print(2)', 'print(2)']) {
    await notebook.run(code);
    expect(notebook.below).toEqual([code, 'x = 1']);
  }
});

it('leaves alone what was edited', async () => {
  const notebook = kept();
  (await notebook.run('print(1)')).source = 'print(1) # mine';
  await notebook.run('print(2)');
  await notebook.run('print(3)');
  expect(notebook.below).toEqual(['print(3)', 'print(1) # mine', 'x = 1']);
});

it('leaves alone what was put elsewhere', async () => {
  const notebook = kept();
  await notebook.run('print(1)');
  notebook.cells.push(...notebook.cells.splice(1, 1));
  await notebook.run('print(2)');
  expect(notebook.below).toEqual(['print(2)', 'x = 1', 'print(1)']);
});

it('takes no cell for its own that a person adds', async () => {
  const notebook = kept();
  await notebook.run('print(1)');
  await notebook.insert(1, 'mine = 1');
  await notebook.insert(1, '');
  await notebook.insert(0, 'print(1)');
  notebook.changed.emit({});
  await Promise.resolve();
  expect(notebook.below).toEqual(['%%asksage -f code', '', 'mine = 1', 'print(1)', 'x = 1']);
});
