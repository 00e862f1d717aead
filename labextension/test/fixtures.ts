/** Answers of the server as they come over the wire. */
import type { Balance, Gauge, Meter, Month, Spend } from '../src/wire';

export function gauge(change: Partial<Gauge> = {}): Gauge {
  return {
    name: 'Inference',
    label: 'Inference tokens',
    pool: false,
    level: 'enough',
    step: '',
    figure: '163,204',
    against: 'of 200,000 left',
    bar: [
      { kind: 'used', share: 0.178, words: '35,596 used' },
      { kind: 'held', share: 0.006, words: '1,200 held' }
    ],
    ...change
  };
}

/** What a pool has, in which others hold tokens too. */
export function pool(change: Partial<Gauge> = {}): Gauge {
  return gauge({
    name: 'Pool lab',
    label: 'Inference tokens of the pool lab',
    pool: true,
    figure: '61,000',
    against: 'of 100,000 left',
    bar: [
      { kind: 'used', share: 0.265, words: '26,500 used' },
      { kind: 'others', share: 0.12, words: '12,000 held by 3 open calls of others' }
    ],
    ...change
  });
}

export function meter(change: Partial<Meter> = {}): Meter {
  return {
    meter: 'inference',
    title: 'Inference',
    level: 'enough',
    step: '',
    left: '163,204 of 200,000 left',
    gauges: [gauge()],
    lines: [{ kind: 'pace', words: 'Lasts until the reset at this pace.' }],
    warning: null,
    ...change
  };
}

/** A meter that runs short, with the warning of it. */
export function short(step: string, words: string, change: Partial<Meter> = {}): Meter {
  const level = step.replace(' ', '-');
  return meter({
    level,
    step,
    left: words,
    gauges: [gauge({ level, step })],
    warning: { keys: [`ada 2026-11 inference ${level}`], words: `Ask Sage tokens: ${words}.` },
    ...change
  });
}

export function balance(change: Partial<Balance> = {}): Balance {
  const training = gauge({ name: 'Training', label: 'Training tokens', figure: '200,000' });
  return {
    state: 'known',
    trouble: null,
    account: {
      holder: 'jane@agency.gov',
      host: 'api.asksage.ai',
      demo: false,
      title: 'jane@agency.gov at api.asksage.ai'
    },
    meters: [
      meter(),
      meter({ meter: 'training', title: 'Training', gauges: [training], lines: [] })
    ],
    open: { words: '' },
    reset: 'Resets 1 Dec 2026 · 8 days left',
    age: 'Checked 14:02 UTC (2 min ago)',
    sources: 'Figures from the service',
    at: '23 Nov 14:04 UTC',
    status: {
      level: 'enough',
      remaining: 'Ask Sage 163,204 left',
      used: 'Ask Sage 35,596 used',
      details: 'jane@agency.gov at api.asksage.ai\n163,204 of 200,000 left'
    },
    can_check: true,
    note: null,
    access: null,
    endpoints: [],
    ...change
  };
}

export function month(change: Partial<Month> = {}): Month {
  return {
    words: 'Inference tokens used each day: 10,200 in all, most on 3 Nov (9,000).',
    days: [
      { date: '2026-11-01', day: '1 Nov', used: 1_200, figure: '1,200' },
      { date: '2026-11-02', day: '2 Nov', used: 0, figure: '0' },
      { date: '2026-11-03', day: '3 Nov', used: 9_000, figure: '9,000' },
      { date: '2026-11-04', day: '4 Nov', used: 0, figure: '0' }
    ],
    even: { tokens: [0, 66_666, 66_666, 66_666], words: 'Even: 66,666 a working day' },
    zone: 'UTC',
    calls: [
      {
        sent_at: '2026-11-23T13:58:00Z',
        name: 'Cell 1 · Name one sea',
        of_cell: true,
        path: 'a.ipynb',
        cell: 'c2',
        figure: '1,204',
        where: 'a.ipynb',
        words: 'google-claude-45-haiku · 13:58 · presumed · reply lost'
      },
      {
        sent_at: '2026-11-23T13:50:00Z',
        name: 'Upload to notes',
        of_cell: false,
        path: null,
        cell: null,
        figure: '812',
        where: '',
        words: '13:50 · 8 pieces'
      }
    ],
    ...change
  };
}

export function spend(change: Partial<Spend> = {}): Spend {
  return {
    path: 'a.ipynb',
    open: { words: '' },
    words: '8,312 tokens this month, 21 calls',
    bound: '',
    again: 'Again: about 480 (450 to 510), which the month allows',
    cells: [
      { cell: 'c2', figure: '6,100', words: 'gpt-5.2 · 14 calls' },
      { cell: 'gone', figure: '2,100', words: 'gpt-5.2 · 7 calls' }
    ],
    ...change
  };
}
