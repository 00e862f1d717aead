import { nullTranslator } from '@jupyterlab/translation';

import { Format } from '../src/format';
import { keyOf, Told, warningsOf, warningWords } from '../src/notify';
import { balance, left, meter, shared } from './fixtures';

const format = new Format(nullTranslator.load('asksage_jupyter'), 'en-US');
const falling = {
  words: 'Lasts until 27 Nov at this pace.',
  advice: '',
  lasts: false
};
const NOBODY = new Set<string>();

/** The warnings that are true and were not told. */
function dueWarnings(now: ReturnType<typeof balance>, told: ReadonlySet<string>) {
  return [...warningsOf(now)].filter(([key]) => !told.has(key)).map(([, warning]) => warning);
}

/** Storage that lives as long as a test. */
class Kept {
  readonly items = new Map<string, string>();
  getItem = (key: string) => this.items.get(key) ?? null;
  setItem = (key: string, value: string) => void this.items.set(key, value);
}

function causes(...meters: ReturnType<typeof meter>[]) {
  return dueWarnings(balance({ meters }), NOBODY).map(warning => warning.causes);
}

describe('a warning', () => {
  it('is not due while the month lasts', () => {
    expect(causes(meter(), left(30_000))).toEqual([]);
  });

  it('is due for each cause, one a meter, the gravest first', () => {
    expect(causes(meter({ pace: falling }))).toEqual([['will-not-last']]);
    expect(causes(left(19_999))).toEqual([['very-low']]);
    expect(causes(left(19_999, { pace: falling }), left(0, { meter: 'training' }))).toEqual([
      ['very-low', 'will-not-last'],
      ['used-up', 'very-low']
    ]);
  });

  it('is never due where the figures are not known', () => {
    const meters = [left(10)];
    expect(dueWarnings(balance({ state: 'trouble', meters }), NOBODY)).toEqual([]);
  });

  it('says what is left and until when', () => {
    const words = (given: ReturnType<typeof meter>) => {
      const now = balance({ meters: [given] });
      return dueWarnings(now, NOBODY).map(warning => warningWords(format, now, warning));
    };
    expect(words(left(9_000))).toEqual([
      'Ask Sage inference tokens: 9,000 left of 200,000. Resets 1 Dec, 8 days left.'
    ]);
    expect(words(shared({ remaining: 9_000 }))).toEqual([
      'Ask Sage inference tokens: 9,000 left of 100,000 in the pool lab. Resets 1 Dec, 8 days left.'
    ]);
    expect(words(meter({ pace: falling }))).toEqual([
      'Ask Sage inference tokens will not last until the reset. Lasts until 27 Nov at this pace.'
    ]);
  });
});

describe('what was told', () => {
  it('is not told again, also after a reload', () => {
    const storage = new Kept();
    const now = balance({ meters: [left(9_000, { pace: falling })] });
    for (const warning of dueWarnings(now, new Told(storage).keys)) {
      new Told(storage).add(now, warning);
    }
    const { keys } = new Told(storage);
    expect(dueWarnings(now, keys)).toEqual([]);
    expect(dueWarnings(balance({ meters: [meter({ pace: falling })] }), keys)).toEqual([]);
  });

  it('comes back with a graver cause, another month, meter or account', () => {
    const now = balance({ meters: [left(9_000)] });
    const told = new Set([keyOf(now, left(9_000), 'very-low')]);
    const again = (change: Parameters<typeof balance>[0]) =>
      dueWarnings(balance({ meters: [left(9_000)], ...change }), told).length;
    expect(again({})).toBe(0);
    expect(again({ meters: [left(0)] })).toBe(1);
    expect(again({ meters: [left(9_000, { meter: 'training' })] })).toBe(1);
    expect(again({ period: { key: '2026-12', days_left: 31 } })).toBe(1);
    const account = { holder: 'joe@agency.gov', host: 'api.asksage.ai', demo: false, title: '' };
    expect(again({ account })).toBe(1);
  });

  it('is forgotten oldest first, so that it never grows without end', () => {
    const storage = new Kept();
    const told = new Told(storage);
    const months = Array.from({ length: 80 }, (_, index) =>
      balance({ period: { key: `month ${index}`, days_left: 1 } })
    );
    for (const now of months) {
      told.add(now, { meter: meter(), causes: ['very-low'] });
    }
    const last = months[79] ?? balance();
    expect(told.keys.size).toBeLessThan(60);
    expect(told.keys).toContain(keyOf(last, meter(), 'very-low'));
  });

  it('does without a storage that is off or spoilt', () => {
    const off = () => {
      throw new Error('storage is off');
    };
    const told = new Told({ getItem: off, setItem: off });
    told.add(balance(), { meter: meter(), causes: ['very-low'] });
    expect(told.keys.size).toBe(0);
    const spoilt = new Kept();
    spoilt.setItem('@asksage/jupyter:told', '{"a":');
    expect(new Told(spoilt).keys.size).toBe(0);
  });
});
