/** Answers of the server as they come over the wire. */
import type { Balance, Meter, Month, Pool, Spend } from '../src/wire';

export function meter(change: Partial<Meter> = {}): Meter {
  return {
    meter: 'inference',
    granted: 200_000,
    used: 35_596,
    held: 1_200,
    remaining: 163_204,
    source: 'the service',
    as_of: '2026-11-23T13:58:00Z',
    pace: {
      words: 'Lasts until the reset at this pace.',
      advice: 'Up to 27,000 a working day lasts until the reset.',
      lasts: true
    },
    spendable: 163_204,
    pool: null,
    asked_for: 0,
    ...change
  };
}

/** A meter of 200,000 with this much left; below zero is overage. */
export function left(remaining: number, change: Partial<Meter> = {}): Meter {
  return meter({
    used: 200_000 - remaining,
    held: 0,
    remaining,
    spendable: remaining,
    ...change
  });
}

/** A pool of 100,000, of which 500 are held by the person and 12,000 by three calls of others. */
export function pool(change: Partial<Pool> = {}): Pool {
  return {
    name: 'lab',
    granted: 100_000,
    used: 26_500,
    held: 12_500,
    remaining: 61_000,
    held_by_others: 12_000,
    open_by_others: 3,
    capped: true,
    ...change
  };
}

/** The meter of a pool's member who used 1,300: of a cap of 20,000, or of all that the pool has. */
export function shared(change: Partial<Pool> = {}): Meter {
  const common = pool(change);
  const rest = common.remaining;
  const remaining = common.capped ? 18_200 : rest;
  const all = rest === null ? null : 1_800 + rest;
  return meter({
    granted: common.capped ? 20_000 : all,
    used: 1_300,
    held: 500,
    remaining,
    spendable: remaining === null || rest === null ? remaining : Math.min(remaining, rest),
    source: 'the pool lab',
    pace: null,
    pool: common
  });
}

export function balance(change: Partial<Balance> = {}): Balance {
  return {
    state: 'known',
    trouble: null,
    account: {
      holder: 'jane@agency.gov',
      host: 'api.asksage.ai',
      demo: false,
      title: 'jane@agency.gov at api.asksage.ai'
    },
    period: { key: '2026-11', days_left: 8 },
    meters: [meter(), left(200_000, { meter: 'training', pace: null })],
    open: { calls: 0, tokens: 0 },
    checked_at: '2026-11-23T14:02:00Z',
    can_check: true,
    now: '2026-11-23T14:04:00Z',
    note: null,
    access: null,
    ...change
  };
}

export function month(change: Partial<Month> = {}): Month {
  return {
    granted: 200_000,
    days: [
      { date: '2026-11-01', used: 1_200 },
      { date: '2026-11-02', used: 0 },
      { date: '2026-11-03', used: 9_000 },
      { date: '2026-11-04', used: 0 }
    ],
    calls: [
      {
        sent_at: '2026-11-23T13:58:00Z',
        model: 'google-claude-45-haiku',
        meter: 'inference',
        tokens: 1_204,
        source: 'presumed',
        status: 'lost'
      }
    ],
    ...change
  };
}

export function spend(change: Partial<Spend> = {}): Spend {
  return {
    path: 'a.ipynb',
    open: { calls: 0, tokens: 0 },
    tokens: 8_312,
    calls: 21,
    cells: [
      { cell: 'c2', tokens: 6_100, calls: 14, model: 'gpt-5.2', sent_at: '2026-11-23T13:58:00Z' },
      { cell: 'gone', tokens: 2_100, calls: 7, model: 'gpt-5.2', sent_at: '2026-11-22T13:58:00Z' }
    ],
    ...change
  };
}
