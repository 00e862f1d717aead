import { EditorView } from '@codemirror/view';
import { parser } from '@lezer/python';
import type { Kernel } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';

import { promptEditor } from '../src/prompt/editor';
import { Grammar } from '../src/prompt/grammar';
import { Footings } from '../src/kernel';
import { promptLanguage } from '../src/prompt/language';
import { priceTag } from '../src/prompt/tag';
import type { Line, Price } from '../src/wire';

const price = (words: string, count: string): Price => ({
  level: 'quiet',
  words,
  details: '',
  model: '',
  ask: [],
  count
});
const settled = () => new Promise(resolve => setTimeout(resolve, 20));

/** A kernel that counts whatever it is asked to. */
function counting(): Kernel.IKernelConnection {
  const comm = {
    onMsg: null as ((message: object) => void) | null,
    open: () => comm.onMsg?.({ content: { data: { counted: { plan: null } } } })
  };
  const owner = {};
  return {
    status: 'idle',
    info: Promise.resolve(),
    supportsSubshells: false,
    requestCommInfo: () => Promise.resolve({ content: { status: 'ok', comms: {} } }),
    createComm: () => comm,
    statusChanged: new Signal(owner),
    iopubMessage: new Signal(owner)
  } as unknown as Kernel.IKernelConnection;
}

it('keeps what was counted when an older price comes late', async () => {
  const answers: ((told: Price) => void)[] = [];
  const balance = new Signal<object, void>({});
  const parts = {
    desk: { estimate: () => new Promise<Price>(resolve => answers.push(resolve)) },
    grammar: new Grammar({ line: () => Promise.reject<Line>(new Error('not known')) }),
    changed: balance,
    footings: new Footings(),
    place: () => ({ path: null, kernel: counting() })
  };
  const prompt = promptEditor(promptLanguage(Promise.resolve(parser)), parts.grammar);
  const doc = '%%asksage\nWhy, {sea}?';
  const view = new EditorView({
    doc,
    extensions: [prompt, priceTag(parts, undefined)],
    parent: document.body
  });
  const shown = () => view.dom.querySelector('.jp-asksage-price')?.textContent;
  const count = view.dom.querySelector<HTMLButtonElement>('.jp-asksage-Tag button');
  view.focus();
  view.dispatch({ changes: { from: doc.length, insert: '!' } });
  await new Promise(resolve => setTimeout(resolve, 400)); // as one who stops writing
  answers[0]?.(price('about 10', '+ {sea}'));
  await settled();
  expect([shown(), count?.hidden]).toEqual(['about 10', false]);

  balance.emit(); // another price is on its way
  await settled();
  count?.click();
  await settled();
  expect(answers).toHaveLength(3);
  answers[2]?.(price('about 900', ''));
  await settled();
  answers[1]?.(price('about 10', '+ {sea}'));
  await settled();
  expect([shown(), count?.hidden]).toEqual(['about 900', true]);
  view.destroy();
});
