import { nullTranslator } from '@jupyterlab/translation';

import { Format } from '../src/format';
import { type IState, NOTHING } from '../src/model';
import { statusDetails, statusLevel, statusLine } from '../src/statusline';
import { balance, left, meter, shared } from './fixtures';

const english = new Format(nullTranslator.load('asksage_jupyter'), 'en-US');
const NOW = new Date(2026, 10, 23, 14, 4);

function state(change: Partial<IState> = {}): IState {
  return { ...NOTHING, balance: balance(), readAt: new Date(2026, 10, 23, 14, 2), ...change };
}

describe('the status item', () => {
  const told = (change: Partial<IState>, shows: 'remaining' | 'used' = 'remaining') =>
    statusLine(english, state(change), shows, NOW);
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
    expect(told(of(left(-1_200)))).toBe('Ask Sage 1,200 over');
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

  it('says what stands in the way of a first figure', () => {
    const before = { state: 'unknown', account: null, period: null, meters: [] } as const;
    const access = { state: 'no-key', words: 'no Ask Sage key' } as const;
    expect(told({ balance: balance({ ...before, access }) })).toBe('Ask Sage: No key');
    expect(told({ balance: balance({ access }) })).toBe('Ask Sage 163,204 left');
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
    expect(statusDetails(english, state()).split('\n')).toEqual([
      'jane@agency.gov at api.asksage.ai',
      '163,204 left of 200,000',
      'Resets 1 Dec, 8 days left',
      'Lasts until the reset at this pace.',
      'Up to 27,000 a working day lasts until the reset.'
    ]);
  });

  it('tells what a member of a pool can really spend', () => {
    expect(told(of(shared()))).toBe('Ask Sage 18,200 left');
    expect(told(of(shared({ remaining: 9_000 })))).toBe('Ask Sage 9,000 left, very low');
    expect(told(of(shared({ remaining: 0 })))).toBe('Ask Sage used up');
    expect(told(of(shared({ remaining: -700 })))).toBe('Ask Sage 700 over');
    expect(told(of(shared({ capped: false })))).toBe('Ask Sage 61,000 left');
    expect(told(of(shared({ capped: false })), 'used')).toBe('Ask Sage 1,300 used');
  });

  it('is at the step of what gives out first', () => {
    const step = (given: ReturnType<typeof meter>) => statusLevel(state(of(given)));
    expect(step(shared())).toBe('enough');
    expect(step(shared({ remaining: 9_000 }))).toBe('very-low');
    expect(step(shared({ capped: false, remaining: 25_000 }))).toBe('low');
    expect(statusLevel(NOTHING)).toBe('unknown');
  });

  it('says on hovering which limit is the shorter one', () => {
    const limits = (given: ReturnType<typeof meter>) =>
      statusDetails(english, state(of(given)))
        .split('\n')
        .slice(1, 3);
    expect(limits(shared())).toEqual([
      'Limited by your cap: 18,200 left of 20,000',
      'Pool lab: 61,000 left of 100,000'
    ]);
    expect(limits(shared({ remaining: 9_000 }))).toEqual([
      'Limited by the pool lab: 9,000 left of 100,000',
      'Your cap: 18,200 left of 20,000'
    ]);
    expect(limits(shared({ capped: false }))).toEqual([
      'Limited by the pool lab: 61,000 left of 100,000',
      'You used 1,300 of it'
    ]);
  });
});
