import { nullTranslator } from '@jupyterlab/translation';

import { Announcer } from '../src/announcer';
import { Format } from '../src/format';
import { Told } from '../src/notify';
import { balance, left } from './fixtures';

const format = new Format(nullTranslator.load('asksage_jupyter'), 'en-US');

let warned: string[];
let announcer: Announcer;

const at = (remaining: number) => balance({ meters: [left(remaining)] });
const said = () => document.querySelector('[aria-live=polite]')?.textContent;

beforeEach(() => {
  localStorage.clear();
  warned = [];
  announcer = new Announcer(format, new Told(localStorage), words => warned.push(words));
});

afterEach(() => {
  announcer.dispose();
  expect(announcer.isDisposed).toBe(true);
});

it('says a step only when it is come to', () => {
  announcer.say(at(50_000));
  expect(said()).toBe('');
  announcer.say(at(49_000));
  expect(said()).toBe('');
  announcer.say(at(9_000));
  expect(said()).toBe('Ask Sage, Inference: very low, 9,000 left of 200,000');
  announcer.say(at(8_000));
  expect(said()).toBe('Ask Sage, Inference: very low, 9,000 left of 200,000');
});

it('says nothing when there is enough again', () => {
  announcer.say(at(9_000));
  announcer.say(at(190_000));
  expect(said()).toBe('');
});

it('warns once, also after a reload', () => {
  announcer.warn(at(9_000));
  announcer.warn(at(8_000));
  expect(warned).toEqual([
    'Ask Sage inference tokens: 9,000 left of 200,000. Resets 1 Dec, 8 days left.'
  ]);
  const reloaded = new Announcer(format, new Told(localStorage), words => warned.push(words));
  reloaded.warn(at(7_000));
  reloaded.dispose();
  expect(warned).toHaveLength(1);
});
