import { nullTranslator } from '@jupyterlab/translation';

import { barOf } from '../src/bar';
import { Format } from '../src/format';
import { type Level, levelOf } from '../src/level';
import { type IState, NOTHING } from '../src/model';
import { balance, left, meter } from './fixtures';

const trans = nullTranslator.load('asksage_jupyter');
const english = new Format(trans, 'en-US');
const german = new Format(trans, 'de-DE');
const NOW = new Date(2026, 10, 23, 14, 4);

function state(change: Partial<IState> = {}): IState {
  return { ...NOTHING, balance: balance(), readAt: new Date(2026, 10, 23, 14, 2), ...change };
}

describe('the step that a meter is at', () => {
  it.each<[number, Level]>([
    [200_000, 'enough'],
    [60_000, 'enough'],
    [59_999, 'low'],
    [20_000, 'low'],
    [19_999, 'very-low'],
    [1, 'very-low'],
    [0, 'used-up']
  ])('with %d of 200,000 left is %s', (remaining, level) => {
    expect(levelOf(left(remaining))).toBe(level);
  });

  it('is over as soon as there is an overage', () => {
    expect(levelOf(left(0, { overage: 1 }))).toBe('over');
  });

  it('is not known without an allotment', () => {
    expect(levelOf(meter({ granted: null, remaining: null }))).toBe('unknown');
    expect(levelOf(meter({ granted: 0, used: 0, held: 0, remaining: 0 }))).toBe('unknown');
  });
});

describe('the bar', () => {
  it('shows shares of the grant', () => {
    expect(barOf(meter({ granted: 100, used: 30, held: 10 }))).toEqual({
      used: 0.3,
      held: 0.1,
      over: 0
    });
  });

  it('grows with what is over, whether it was used or is held', () => {
    expect(barOf(meter({ granted: 80, used: 100, held: 0 }))).toEqual({
      used: 0.8,
      held: 0,
      over: 0.2
    });
    expect(barOf(meter({ granted: 80, used: 60, held: 40 }))).toEqual({
      used: 0.6,
      held: 0.2,
      over: 0.2
    });
  });

  it('is empty where nothing was given and nothing taken, or more was given back than used', () => {
    expect(barOf(meter({ granted: 0, used: 0, held: 0 }))).toEqual({ used: 0, held: 0, over: 0 });
    expect(barOf(meter({ granted: 100, used: -5, held: 0 }))).toEqual({
      used: 0,
      held: 0,
      over: 0
    });
  });
});

describe('figures and dates', () => {
  it('are written as the locale has them', () => {
    expect(english.figure(163_204)).toBe('163,204');
    expect(german.figure(163_204)).toBe('163.204');
    expect(german.day('2026-11-27')).toBe('27. Nov.');
  });

  it('have the day first in English, whatever the zone of the browser', () => {
    expect(english.day('2026-11-27')).toBe('27 Nov');
  });

  it('leave the date out today', () => {
    expect(english.moment(new Date(2026, 10, 23, 0, 5), NOW)).toBe('00:05');
    expect(english.moment(new Date(2026, 10, 22, 23, 59), NOW)).toBe('22 Nov 23:59');
  });

  it.each([
    [0, 'just now'],
    [59, 'just now'],
    [60, '1 min ago'],
    [3_599, '59 min ago'],
    [3_600, '1 h ago'],
    [86_399, '23 h ago'],
    [86_400, '22 Nov 14:04'],
    [-5, 'just now']
  ])('tell an age of %d s', (seconds, words) => {
    expect(english.age(new Date(NOW.getTime() - seconds * 1000), NOW)).toBe(words);
  });

  it('count the days to the reset', () => {
    expect(english.reset({ key: '2026-11', days_left: 8 })).toBe('Resets 1 Dec, 8 days left');
    expect(english.reset({ key: '2026-11', days_left: 1 })).toBe('Resets 1 Dec, 1 day left');
    expect(english.reset({ key: '2026-12', days_left: 31 })).toBe('Resets 1 Jan, 31 days left');
    expect(english.reset({ key: '2026-11', days_left: 0 })).toBe('Resets 1 Dec');
  });
});

describe('the status item', () => {
  const told = (change: Partial<IState>, shows: 'remaining' | 'used' = 'remaining') =>
    english.status(state(change), shows, NOW);
  const of = (...meters: ReturnType<typeof meter>[]) => ({ balance: balance({ meters }) });

  it('tells what is left, or what is used', () => {
    expect(told({})).toBe('Ask Sage 163,204 left');
    expect(told({}, 'used')).toBe('Ask Sage 35,596 used');
  });

  it('adds a word when tokens run short', () => {
    expect(told(of(left(50_000)))).toBe('Ask Sage 50,000 left, low');
    expect(told(of(left(9_000)))).toBe('Ask Sage 9,000 left, very low');
    expect(told(of(left(9_000)), 'used')).toBe('Ask Sage 191,000 used, very low');
    expect(told(of(left(0)))).toBe('Ask Sage used up');
    expect(told(of(left(0, { overage: 1_200 })))).toBe('Ask Sage 1,200 over');
  });

  it('names the local demo', () => {
    const account = { holder: 'demo', host: '127.0.0.1', demo: true, title: 'Local demo' };
    expect(told({ balance: balance({ account }) })).toBe('Local demo 163,204 left');
  });

  it('says since when it is old', () => {
    expect(told({ trouble: { kind: 'away', message: 'Failed to fetch' } })).toBe(
      'Ask Sage 163,204 left at 14:02'
    );
  });

  it('is quiet where there are no figures', () => {
    const nobody = { account: null, period: null, meters: [] };
    expect(told({ balance: null })).toBe('Ask Sage');
    expect(told({ balance: balance({ state: 'no-ledger', ...nobody }) })).toBe(
      'Ask Sage: no calls yet'
    );
    expect(told({ balance: balance({ state: 'trouble', ...nobody }) })).toBe(
      'Ask Sage: not available'
    );
    expect(told({ balance: null, trouble: { kind: 'away', message: '' } })).toBe(
      'Ask Sage: not available'
    );
  });

  it('tells what was used where the allotment is not known', () => {
    const unknown = meter({ granted: null, remaining: null, used: 63, held: 0 });
    expect(told({ balance: balance({ state: 'unknown', meters: [unknown] }) })).toBe(
      'Ask Sage 63 used'
    );
  });

  it('has the details on hovering', () => {
    expect(english.statusDetails(state()).split('\n')).toEqual([
      'jane@agency.gov at api.asksage.ai',
      '163,204 left of 200,000',
      'Resets 1 Dec, 8 days left',
      'Lasts until the reset at this pace.',
      'Up to 27,000 a working day lasts until the reset.'
    ]);
  });
});

it('lists the parts of a bar in words', () => {
  const words = (given: ReturnType<typeof meter>) => english.parts(given).map(part => part.words);
  expect(words(meter())).toEqual(['35,596 used', '1,200 held']);
  expect(words(left(0, { overage: 7 }))).toEqual(['200,000 used', '7 over']);
  expect(words(left(200_000))).toEqual(['0 used']);
});
