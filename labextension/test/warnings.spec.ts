import { Announcer, Told } from '../src/warnings';
import { balance, meter, short } from './fixtures';

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

const at = (step: string, words: string) => balance({ meters: [short(step, words)] });
const enough = balance({ meters: [meter()] });
const said = () => document.querySelector('[aria-live=polite]')?.textContent;

/** Storage that lives as long as a test. */
class Kept {
  readonly items = new Map<string, string>();
  getItem = (key: string) => this.items.get(key) ?? null;
  setItem = (key: string, value: string) => void this.items.set(key, value);
}

beforeEach(() => {
  localStorage.clear();
  warned = [];
  standing = [];
  announcer = new Announcer(new Told(localStorage), notify);
});

afterEach(() => {
  announcer.dispose();
  expect(announcer.isDisposed).toBe(true);
});

it('says a step only when it is come to', () => {
  announcer.say(at('low', '50,000 left'));
  expect(said()).toBe('');
  announcer.say(at('low', '49,000 left'));
  expect(said()).toBe('');
  announcer.say(at('very low', '9,000 left'));
  expect(said()).toBe('Ask Sage, Inference: very low, 9,000 left');
  announcer.say(at('very low', '8,000 left'));
  expect(said()).toBe('Ask Sage, Inference: very low, 9,000 left');
});

it('says nothing when there is enough again', () => {
  announcer.say(at('very low', '9,000 left'));
  announcer.say(enough);
  expect(said()).toBe('');
});

it('warns once, also after a reload', () => {
  announcer.warn(at('very low', '9,000 left'));
  announcer.warn(at('very low', '8,000 left'));
  expect(warned).toEqual(['Ask Sage tokens: 9,000 left.']);
  const reloaded = new Announcer(new Told(localStorage), notify);
  reloaded.warn(at('very low', '7,000 left'));
  reloaded.dispose();
  expect(warned).toHaveLength(1);
});

it('keeps what stands true: other figures, a graver cause, or nothing any more', () => {
  announcer.warn(at('very low', '50 left'));
  announcer.warn(at('very low', '40 left'));
  expect(standing).toEqual(['Ask Sage tokens: 40 left.']);
  announcer.warn(balance({ state: 'trouble', meters: [] }));
  expect(standing).toHaveLength(1);
  announcer.warn(at('over', '1,453 over'));
  expect(standing).toEqual(['Ask Sage tokens: 1,453 over.']);
  announcer.warn(enough);
  expect(standing).toEqual([]);
  expect(warned).toHaveLength(2);
});

it('tells no lesser cause after a graver one', () => {
  const keys = ['used-up', 'very-low'];
  announcer.warn(
    balance({ meters: [short('used up', '0 left', { warning: { keys, words: 'a' } })] })
  );
  announcer.warn(
    balance({
      meters: [short('very low', '9 left', { warning: { keys: ['very-low'], words: 'b' } })]
    })
  );
  expect(warned).toEqual(['a']);
});

describe('what was told', () => {
  it('is forgotten oldest first, so that it never grows without end', () => {
    const told = new Told(new Kept());
    for (let month = 0; month < 80; month++) {
      told.add([`month ${month}`]);
    }
    expect(told.keys.size).toBeLessThan(60);
    expect(told.keys).toContain('month 79');
  });

  it('does without a storage that is off or spoilt', () => {
    const off = () => {
      throw new Error('storage is off');
    };
    const told = new Told({ getItem: off, setItem: off });
    told.add(['very-low']);
    expect(told.keys.size).toBe(0);
    const spoilt = new Kept();
    spoilt.setItem('@asksage/jupyter:told', '{"a":');
    expect(new Told(spoilt).keys.size).toBe(0);
  });
});
