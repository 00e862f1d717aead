import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Signal } from '@lumino/signaling';

import { OpenNotebook } from '../src/notebook';

/** A cell as JupyterLab has it, as far as it is used. */
function cell(id: string, source: string, type = 'code') {
  const kept = { source };
  const sharedModel = {
    getSource: () => kept.source,
    setSource: (words: string) => (kept.source = words)
  };
  const cursors: unknown[] = [];
  const editor = { setCursorPosition: (position: unknown) => cursors.push(position) };
  return { model: { id, type, sharedModel }, ready: Promise.resolve(), editor, cursors };
}

/** A shell whose current widget is a notebook of these cells. */
function shellWith(...widgets: ReturnType<typeof cell>[]) {
  const done: string[] = [];
  const owner = {};
  const cellsChanged = new Signal<object, void>(owner);
  const content = {
    activeCellIndex: 0,
    mode: 'command',
    widgets,
    model: {
      cells: { changed: cellsChanged },
      sharedModel: {
        changed: new Signal(owner),
        insertCell: (index: number, { source }: { source: string }) =>
          widgets.splice(index, 0, cell(`new ${index}`, source))
      }
    },
    deselectAll: () => done.push('deselect'),
    scrollToItem: (index: number) => {
      done.push(`scroll ${index}`);
      return Promise.resolve();
    }
  };
  const context = { path: 'RTC:work/a.ipynb', localPath: 'work/a.ipynb', ready: Promise.resolve() };
  const currentChanged = new Signal<object, void>(owner);
  const shell = {
    currentWidget: { id: 'notebook', isDisposed: false, content, context } as object | null,
    currentChanged,
    activateById: (id: string) => done.push(`activate ${id}`)
  };
  const notebook = new OpenNotebook(shell as unknown as JupyterFrontEnd.IShell);
  const sources = () => widgets.map(({ model }) => model.sharedModel.getSource());
  return { shell, notebook, content, cellsChanged, currentChanged, done, sources };
}

const settled = () => new Promise(resolve => setTimeout(resolve));

it('knows the path relative to the server, without a drive', () => {
  expect(shellWith().notebook.path).toBe('work/a.ipynb');
});

it.each([null, { id: 'terminal' }, { id: 'file', context: { path: 'a.py' }, content: {} }])(
  'takes %j for no notebook',
  widget => {
    const { shell, notebook } = shellWith();
    shell.currentWidget = widget;
    expect(notebook.path).toBeNull();
    expect(notebook.label('c1')).toBeNull();
    expect(notebook.show('c1')).toBe(false);
    expect(notebook.insert('x')).toBe(false);
    expect(notebook.contains('x')).toBe(false);
  }
);

it('names a cell by its place and its first words, those of a magic where it has no others', () => {
  const { notebook } = shellWith(
    cell('c1', '%%asksage --live 1\n\n  Name one sea.  \nOr two.'),
    cell('c2', '%lsmagic')
  );
  expect(notebook.label('c1')).toEqual({ place: 1, text: 'Name one sea.' });
  expect(notebook.label('c2')).toEqual({ place: 2, text: '%lsmagic' });
  expect(notebook.label('gone')).toBeNull();
});

it('shows a cell and makes it the active one', () => {
  const { notebook, content, done } = shellWith(cell('c1', ''), cell('c2', ''));
  expect(notebook.show('c2')).toBe(true);
  expect(content.activeCellIndex).toBe(1);
  expect(done).toEqual(['activate notebook', 'deselect', 'scroll 1']);
  expect(notebook.show('gone')).toBe(false);
  expect(content.activeCellIndex).toBe(1);
});

it('puts cells below the active one, with the cursor at the end', async () => {
  const { notebook, content, sources } = shellWith(cell('c1', 'x = 1'), cell('c2', 'y'));
  expect(notebook.insert('%load_ext asksage_jupyter', '%%asksage\n')).toBe(true);
  expect(sources()).toEqual(['x = 1', '%load_ext asksage_jupyter', '%%asksage\n', 'y']);
  await settled();
  expect([content.activeCellIndex, content.mode]).toEqual([2, 'edit']);
  expect(content.widgets[2]?.cursors).toEqual([{ line: 1, column: 0 }]);
});

it('fills an empty code cell first, but no empty text', () => {
  const empty = shellWith(cell('c1', ' \n'));
  empty.notebook.insert('a', 'b');
  expect(empty.sources()).toEqual(['a', 'b']);
  const text = shellWith(cell('c1', '', 'markdown'));
  text.notebook.insert('a');
  expect(text.sources()).toEqual(['', 'a']);
});

it('finds a line wherever it stands', () => {
  const { notebook } = shellWith(cell('c1', 'import os\n%load_ext asksage_jupyter'));
  expect(notebook.contains('%load_ext asksage_jupyter')).toBe(true);
  expect(notebook.contains('%load_ext asksage')).toBe(false);
});

it('tells when another notebook is open, has come, or cells come and go', async () => {
  const { notebook, currentChanged, cellsChanged } = shellWith(cell('c1', ''));
  let told = 0;
  notebook.changed.connect(() => (told += 1));
  currentChanged.emit();
  expect(told).toBe(1);
  await settled();
  expect(told).toBe(2);
  currentChanged.emit();
  await settled();
  cellsChanged.emit();
  expect(told).toBe(5);
});

it('shows a cell of a notebook that is opened for it, once', async () => {
  const { shell, notebook, content, currentChanged, done } = shellWith(
    cell('c1', 'a'),
    cell('c2', 'b')
  );
  const { currentWidget } = shell;
  shell.currentWidget = null;
  notebook.showWhenOpen('work/a.ipynb', 'c2');
  expect(done).toEqual([]);
  shell.currentWidget = currentWidget;
  currentChanged.emit();
  await settled();
  expect(done).toEqual(['activate notebook', 'deselect', 'scroll 1']);
  content.activeCellIndex = 0;
  currentChanged.emit();
  await settled();
  expect(content.activeCellIndex).toBe(0);
  notebook.showWhenOpen('work/a.ipynb', 'c1'); // it is open
  expect(done.at(-1)).toBe('scroll 0');
});
