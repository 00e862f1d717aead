import { nullTranslator } from '@jupyterlab/translation';

import { barOf } from '../src/bar';
import { Format } from '../src/format';
import { type Level, levelOf, limitOf } from '../src/level';
import { left, meter, pool, shared } from './fixtures';

const trans = nullTranslator.load('asksage_jupyter');
const english = new Format(trans, 'en-US');
const german = new Format(trans, 'de-DE');
const NOW = new Date(2026, 10, 23, 14, 4);

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

  it('is over as soon as more is used or held than was given', () => {
    expect(levelOf(left(-1))).toBe('over');
  });

  it('is not known without an allotment', () => {
    expect(levelOf(meter({ granted: null, remaining: null }))).toBe('unknown');
    expect(levelOf(meter({ granted: 0, used: 0, held: 0, remaining: 0 }))).toBe('unknown');
  });
});

describe('what gives out first', () => {
  it('is the meter itself outside every pool, and where an older server tells of none', () => {
    expect(limitOf(meter())).toEqual(meter());
    const old = meter({ spendable: null });
    expect(limitOf(old)).toBe(old);
  });

  it('is the cap while the pool has more', () => {
    const capped = shared();
    expect(limitOf(capped)).toBe(capped);
    const unknown = shared({ granted: null, remaining: null });
    expect(limitOf(unknown)).toBe(unknown);
  });

  it('is the pool when it has less, or without a cap', () => {
    expect(limitOf(shared({ remaining: 9_000 }))).toMatchObject({ name: 'lab' });
    expect(limitOf(shared({ capped: false }))).toMatchObject({ name: 'lab' });
  });

  it('is told in words', () => {
    expect(english.spendable(meter())).toBe('163,204 left of 200,000');
    expect(english.spendable(shared())).toBe('18,200 left of 20,000');
    expect(english.spendable(shared({ remaining: 9_000 }))).toBe(
      '9,000 left of 100,000 in the pool lab'
    );
  });
});

describe('the bar', () => {
  it('shows shares of the grant', () => {
    expect(barOf(meter({ granted: 100, used: 30, held: 10 }))).toEqual({
      used: 0.3,
      held: 0.1,
      others: 0,
      over: 0
    });
  });

  it('tells what others hold of a pool apart', () => {
    expect(barOf(pool({ granted: 100, used: 50, held: 30, held_by_others: 20 }))).toEqual({
      used: 0.5,
      held: 0.1,
      others: 0.2,
      over: 0
    });
    expect(barOf(pool({ granted: 80, used: 60, held: 40, held_by_others: 30 }))).toEqual({
      used: 0.6,
      held: 0.1,
      others: 0.1,
      over: 0.2
    });
  });

  it('grows with what is over, whether it was used or is held', () => {
    expect(barOf(meter({ granted: 80, used: 100, held: 0 }))).toEqual({
      used: 0.8,
      held: 0,
      others: 0,
      over: 0.2
    });
    expect(barOf(meter({ granted: 80, used: 60, held: 40 }))).toEqual({
      used: 0.6,
      held: 0.2,
      others: 0,
      over: 0.2
    });
  });

  it('is empty where nothing was given and nothing taken, or more was given back than used', () => {
    expect(barOf(meter({ granted: 0, used: 0, held: 0 }))).toEqual({
      used: 0,
      held: 0,
      others: 0,
      over: 0
    });
    expect(barOf(meter({ granted: 100, used: -5, held: 0 }))).toEqual({
      used: 0,
      held: 0,
      others: 0,
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

it('lists the parts of a bar in words', () => {
  const words = (given: Parameters<typeof english.parts>[0]) =>
    english.parts(given).map(part => part.words);
  expect(words(meter())).toEqual(['35,596 used', '1,200 held']);
  expect(words(left(-7))).toEqual(['200,007 used', '7 over']);
  expect(words(left(200_000))).toEqual(['0 used']);
  expect(words(pool())).toEqual([
    '26,500 used',
    '500 held by you',
    '12,000 held by 3 open calls of others'
  ]);
  expect(words(pool({ held_by_others: 12_500, open_by_others: 1 }))).toEqual([
    '26,500 used',
    '12,500 held by 1 open call of others'
  ]);
  expect(words(pool({ held: 0, held_by_others: 0, remaining: -7 }))).toEqual([
    '26,500 used',
    '7 over'
  ]);
});
