import { nullTranslator } from '@jupyterlab/translation';

import { Announcer } from '../src/announcer';
import { Format } from '../src/format';
import { Told } from '../src/notify';
import { balance, left } from './fixtures';

const format = new Format(nullTranslator.load('asksage_jupyter'), 'en-US');

let warned: string[];
/** What stands on the screen, as it reads now. */
let standing: string[];
let announcer: Announcer;

function notify(words: string) {
  warned.push(words);
  standing.push(words);
  const place = standing.length - 1;
  return {
    update: (newer: string) => void (standing[place] = newer),
    dismiss: () => void standing.splice(place, 1)
  };
}

const at = (remaining: number) => balance({ meters: [left(remaining)] });
const said = () => document.querySelector('[aria-live=polite]')?.textContent;

beforeEach(() => {
  localStorage.clear();
  warned = [];
  standing = [];
  announcer = new Announcer(format, new Told(localStorage), notify);
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
  const reloaded = new Announcer(format, new Told(localStorage), notify);
  reloaded.warn(at(7_000));
  reloaded.dispose();
  expect(warned).toHaveLength(1);
});

it('keeps what stands true: other figures, a graver cause, or nothing any more', () => {
  announcer.warn(at(50));
  announcer.warn(at(40));
  expect(standing).toEqual([
    'Ask Sage inference tokens: 40 left of 200,000. Resets 1 Dec, 8 days left.'
  ]);
  announcer.warn(balance({ state: 'trouble', meters: [] }));
  expect(standing).toHaveLength(1);
  announcer.warn(at(-1_453));
  expect(standing).toEqual([
    'Ask Sage inference tokens: 1,453 over 200,000. Resets 1 Dec, 8 days left.'
  ]);
  announcer.warn(at(99_711));
  expect(standing).toEqual([]);
  expect(warned).toHaveLength(2);
});

it('takes away what was said of another month or account', () => {
  announcer.warn(at(50));
  announcer.warn(balance({ period: { key: '2026-12', days_left: 31 }, meters: [left(200_000)] }));
  expect(standing).toEqual([]);
});
