/** Answers of the server as they come over the wire. */
import type { Balance, Meter, Month, Spend } from '../src/wire';

export function meter(change: Partial<Meter> = {}): Meter {
  return {
    meter: 'inference',
    granted: 200_000,
    used: 35_596,
    held: 1_200,
    remaining: 163_204,
    overage: 0,
    source: 'the service',
    as_of: '2026-11-23T13:58:00Z',
    pace: {
      words: 'Lasts until the reset at this pace.',
      advice: 'Up to 27,000 a working day lasts until the reset.',
      lasts: true
    },
    ...change
  };
}

/** A meter of 200,000 with this much left. */
export function left(remaining: number, change: Partial<Meter> = {}): Meter {
  return meter({ used: 200_000 - remaining, held: 0, remaining, ...change });
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
    running: 0,
    checked_at: '2026-11-23T14:02:00Z',
    can_check: true,
    now: '2026-11-23T14:04:00Z',
    note: null,
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
    tokens: 8_312,
    calls: 21,
    cells: [
      { cell: 'c2', tokens: 6_100, calls: 14, model: 'gpt-5.2', sent_at: '2026-11-23T13:58:00Z' },
      { cell: 'gone', tokens: 2_100, calls: 7, model: 'gpt-5.2', sent_at: '2026-11-22T13:58:00Z' }
    ],
    ...change
  };
}
