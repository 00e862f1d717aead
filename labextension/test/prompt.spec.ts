import { language, syntaxTree } from '@codemirror/language';
import { EditorState } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { parser as code } from '@lezer/python';
import { Signal } from '@lumino/signaling';

import { head, promptEditor } from '../src/prompt/editor';
import { promptLanguage } from '../src/prompt/language';
import { type IOption, wordsOf } from '../src/prompt/line';

const option = (name: string, takes = false): IOption => ({ name, takes, values: [], help: '' });
const KNOWN = [option('--estimate'), option('-s', true), option('--max-tokens', true)];
// Any language that is not ours does for Markdown here.
const prompt = promptLanguage(Promise.resolve(code));

/** Knows the options, or comes to know them. */
class Known {
  constructor(private known: readonly IOption[] | null = KNOWN) {}

  readonly changed = new Signal<this, void>(this);
  options = () => this.known;
  learn(): void {
    this.known = KNOWN;
    this.changed.emit();
  }
}

function stateOf(doc: string): EditorState {
  return EditorState.create({ doc, extensions: promptEditor(prompt, new Known()) });
}

function magicOf(doc: string): string | undefined {
  return stateOf(doc).field(head)?.magic;
}

function kindsOf(line: string, options: readonly IOption[] | null = KNOWN): string[] {
  const state = stateOf(`%%asksage ${line}\nWhy?`);
  const found = state.field(head);
  return found ? wordsOf(state.doc, found, options).map(({ kind, text }) => `${kind} ${text}`) : [];
}

it.each(['%%asksage', '%%asksage gpt\nWhy?', '\n  \n  %%asksage\nWhy?'])('knows %j', doc => {
  expect(magicOf(doc)).toBe('asksage');
});

it.each(['', 'a = 1', '%%asksagex', '%asksage', '# a\n%%asksage\n', '%%time\n%%asksage'])(
  'leaves %j alone',
  doc => {
    expect(magicOf(doc)).toBeUndefined();
    expect(stateOf(doc).facet(language)?.name).toBe('asksage-text');
  }
);

it('tells a training text from a prompt', () => {
  expect(magicOf('%%asksage_train maps\n# a')).toBe('asksage_train');
  expect(stateOf('%%asksage_train maps').facet(language)?.name).toBe('asksage-text');
});

it('changes with the keystroke that makes it a prompt, and back', () => {
  let state = stateOf('%%asksag\nwith it');
  const type = (insert: string, from: number, to = from) =>
    (state = state.update({ changes: { from, to, insert } }).state);
  expect(type('e', 8).facet(language)?.name).toBe('asksage-prompt');
  const before = state.field(head);
  expect(type('!', state.doc.length).field(head)).toBe(before);
  expect(type('x', 9).facet(language)?.name).toBe('asksage-text');
});

it('parses what is below the line in another language, and the line not at all', async () => {
  await Promise.resolve();
  const state = stateOf('%%asksage gpt\nwith a: b');
  expect(syntaxTree(state).resolveInner(3).name).toBe('Prompt');
  expect(syntaxTree(state).resolveInner(15, 1).name).toBe('with');
});

it('comments nothing out, for it would be sent', () => {
  const tokens = (doc: string) => stateOf(doc).languageDataAt('commentTokens', 0);
  expect(tokens('%%asksage\nWhy?')).toEqual([{}]);
  expect(tokens('a = 1')).toEqual([]);
});

it.each([
  ['gpt --estimate', ['model gpt', 'option --estimate']],
  ['-s "Be brief." gpt', ['option -s', 'value "Be brief."', 'model gpt']],
  ['--max-tokens=5 gpt', ['option --max-tokens=5', 'model gpt']],
  ['gpt --estimat', ['model gpt', 'unknown --estimat']],
  ['-s "say \\"no\\"" gpt', ['option -s', 'value "say \\"no\\""', 'model gpt']],
  ['gpt and more', ['model gpt', 'text and', 'text more']]
])('reads %j as the magic does', (line, kinds) => {
  expect(kindsOf(line)).toEqual(kinds);
});

it('calls nothing misspelt before anybody told what is right', () => {
  expect(kindsOf('gpt --estimat', null)).toEqual(['text gpt', 'option --estimat']);
});

describe('in an editor', () => {
  const marked = (view: EditorView, kind: string) =>
    [...view.contentDOM.querySelectorAll(kind)].map(each => each.textContent);
  const opened = (doc: string, known = new Known()) =>
    new EditorView({ doc, extensions: promptEditor(prompt, known), parent: document.body });

  it('marks the variables of a prompt', () => {
    const doc = '%%asksage\n{sea} {größe} {{name}} {"a": 1} {_x} {0} $x^{n}$';
    const view = opened(doc);
    expect(marked(view, '.jp-asksage-promptVariable')).toEqual(['{sea}', '{größe}', '{n}']);
    view.dispatch({ changes: { from: 9, insert: '_train maps' } });
    expect(marked(view, '.jp-asksage-promptVariable')).toEqual([]);
    view.destroy();
  });

  it('marks a misspelt option when the options have become known', () => {
    const known = new Known(null);
    const view = opened('%%asksage gpt --estimat', known);
    expect(marked(view, '[data-kind=unknown]')).toEqual([]);
    known.learn();
    expect(marked(view, '[data-kind=unknown]')).toEqual(['--estimat']);
    view.destroy();
  });

  it('has a name, wraps, and is spell-checked, while it is a prompt', () => {
    const view = opened('%%asksage\nWhy?');
    expect(view.contentDOM.getAttribute('aria-label')).toBe('Ask Sage prompt');
    expect(view.contentDOM.spellcheck).not.toBe(false);
    view.dispatch({ changes: { from: 0, insert: '#' } });
    expect(view.contentDOM.getAttribute('aria-label')).toBeNull();
    view.destroy();
  });
});
