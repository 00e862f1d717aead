/**
 * What the server extension sends: the shapes, and how to ask for them.
 *
 * It sends the words that are shown, which are those of the notebook's panel: nothing here knows what a figure
 * means, and all of them are written in one manner, wherever they stand.
 */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import {
  flag,
  fraction,
  list,
  nullable,
  oneOf,
  type Read,
  record,
  type Shape,
  text,
  whole
} from './shape';

/** The event that says "something was booked"; it carries no figures. */
export const HINT = 'urn:asksage-jupyter:ledger-changed';

/** A part of a bar: its share of the whole, and its words in the legend. */
const part = record({ kind: text, share: fraction, words: text });

/** What a call must fit: a meter's own tokens, or a pool's. Without an allotment there is no bar. */
const gauge = record({
  name: text,
  label: text,
  pool: flag,
  level: text,
  step: text,
  figure: text,
  against: text,
  bar: list(part)
});

const meter = record({
  meter: text,
  title: text,
  /** The step of what gives out first, as a name and in words; and what that has left. */
  level: text,
  step: text,
  left: text,
  gauges: list(gauge),
  lines: list(record({ kind: text, words: text })),
  /** What to warn of once for each key: the first is the gravest cause, and one message tells of all. */
  warning: nullable(record({ keys: list(text), words: text }))
});

/** Calls without a bill yet; empty where there are none. */
const opened = record({ words: text });

const balance = record({
  state: oneOf('known', 'unknown', 'no-ledger', 'trouble'),
  trouble: nullable(text),
  account: nullable(record({ holder: text, host: text, demo: flag, title: text })),
  /** None before first contact, while something stands in its way. */
  meters: list(meter),
  open: opened,
  reset: text,
  age: text,
  sources: text,
  /** When it was read. */
  at: text,
  status: record({ level: text, remaining: text, used: text, details: text }),
  can_check: flag,
  note: nullable(text),
  /** The endpoints for other code that run on this machine. */
  endpoints: list(record({ name: text, url: text, words: text })),
  /** What stands between the account and the service; null where nothing is known to. */
  access: nullable(record({ state: text, title: text, words: text }))
});

const month = record({
  /** The picture of the days in a sentence; empty where nothing was used. */
  words: text,
  days: list(record({ date: text, day: text, used: whole, figure: text })),
  /** Spending that would just last, on each day; null where no allotment is known. */
  even: nullable(record({ tokens: list(whole), words: text })),
  /** In which the calls' times are told. */
  zone: text,
  calls: list(
    record({
      sent_at: text,
      /** The model, the cell or the upload; whether it is the cell's, as it was saved last. */
      name: text,
      of_cell: flag,
      /** Where it was sent from, as far as it can be opened here. */
      path: nullable(text),
      cell: nullable(text),
      /** The notebook's name. */
      where: text,
      figure: text,
      words: text
    })
  )
});

const spend = record({
  path: text,
  open: opened,
  words: text,
  /** What bounds it leaves; empty where nothing does. */
  bound: text,
  /** What running it again costs, and whether the month allows it; empty before its first bill. */
  again: text,
  cells: list(record({ cell: text, figure: text, words: text }))
});

const options = list(record({ name: text, takes: flag, values: list(text), help: text }));

/** What may stand on a magic's line, as its parser has it. */
const line = record({
  asksage: options,
  asksage_train: options,
  /** The models with what each costs, as far as that is known here. */
  models: list(record({ name: text, help: text })),
  /** Which answers where a cell names none; empty where none is set. */
  model: text
});

/** What a cell would cost; null of a cell that begins with no magic of ours. */
const price = nullable(
  record({
    level: oneOf('quiet', 'amber', 'red'),
    words: text,
    /** Its parts, or the whole of what is wrong, in lines. */
    details: text,
    /** The model that is priced; empty where none is known. */
    model: text,
    /** Models whose rates may be asked for. */
    ask: list(text),
    /** What its kernel alone can count, as a button says it; empty where nothing is. */
    count: text
  })
);

export type Gauge = Read<typeof gauge>;
export type Meter = Read<typeof meter>;
export type Balance = Read<typeof balance>;
export type Month = Read<typeof month>;
/** What one notebook used this month, with its dearest cells. */
export type Spend = Read<typeof spend>;

export type Line = Read<typeof line>;
export type Price = NonNullable<Read<typeof price>>;

/** What a kernel counted, in figures; it is told the server as it is. */
export interface Counted {
  /** Of this very cell, if it is there. */
  readonly plan: unknown;
  /** Of this very cell, if it is true. */
  readonly is_kept: boolean;
}

/** How a kernel stands: what its lines said of every prompt; it is told the server as it is. */
export interface Footing {
  /** The model that answers where a cell names none; empty where none is set. */
  readonly model: string;
  /** What limits them. */
  readonly bounds: readonly unknown[];
}

/** What is told beside a cell's text. */
export interface IBeside {
  /** Ask the service first, for rates that are not known here. */
  readonly ask?: boolean;
  /** The notebook's path from the server's root. */
  readonly path?: string | null;
  readonly counted?: Counted | null;
  readonly footing?: Footing | null;
}

/**
 * Why there is no answer.
 *
 * - `missing`: the server extension is not there.
 * - `away`: the server cannot be reached.
 * - `refused`: it answered, but not with what was asked for; the message says why.
 */
export class WireError extends Error {
  constructor(
    readonly kind: 'missing' | 'away' | 'refused',
    message: string
  ) {
    super(message);
    this.name = 'WireError';
  }
}

/** What may be asked of the server extension; every promise is rejected with a `WireError`. */
export interface IDesk {
  balance(): Promise<Balance>;
  month(): Promise<Month>;
  /** A month's summary as Markdown. */
  summary(): Promise<string>;
  /** `footing` is how the notebook's kernel stands; null where nobody knows. */
  spend(path: string, footing: Footing | null): Promise<Spend>;
  /** The balance after comparing with the service. */
  refresh(): Promise<Balance>;
  /** Ask an endpoint to end; the balance tells when it has. */
  stop(endpoint: string): Promise<void>;
}

/** What may be asked while a prompt is written. */
export interface IPrices {
  line(): Promise<Line>;
  /** What a cell would cost. */
  estimate(source: string, beside?: IBeside): Promise<Price | null>;
}

/** The server extension's routes. */
export class Desk implements IDesk, IPrices {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  balance(): Promise<Balance> {
    return this.read(balance, 'balance');
  }

  month(): Promise<Month> {
    return this.read(month, 'month');
  }

  async summary(): Promise<string> {
    return (await this.send('month?format=markdown')).text();
  }

  spend(path: string, footing: Footing | null): Promise<Spend> {
    const stands = encodeURIComponent(JSON.stringify(footing));
    const told = footing?.bounds.length ? `&footing=${stands}` : '';
    return this.read(spend, `notebook?path=${encodeURIComponent(path)}${told}`);
  }

  refresh(): Promise<Balance> {
    return this.read(balance, 'refresh', { method: 'POST' });
  }

  async stop(endpoint: string): Promise<void> {
    await this.send(`endpoints/${encodeURIComponent(endpoint)}`, { method: 'DELETE' });
  }

  line(): Promise<Line> {
    return this.read(line, 'line');
  }

  estimate(source: string, beside: IBeside = {}): Promise<Price | null> {
    return this.read(price, 'estimate', {
      method: 'POST',
      body: JSON.stringify({ source, ...beside })
    });
  }

  private async read<T>(shape: Shape<T>, route: string, init: RequestInit = {}): Promise<T> {
    const response = await this.send(route, init);
    try {
      return shape(await response.json(), route);
    } catch (error) {
      throw new WireError('refused', `asksage/${route}: ${(error as Error).message}`);
    }
  }

  private async send(route: string, init: RequestInit = {}): Promise<Response> {
    const url = URLExt.join(this.settings.baseUrl, 'asksage', route);
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this.settings);
    } catch (error) {
      throw new WireError('away', (error as Error).message);
    }
    if (!response.ok) {
      throw await failure(response);
    }
    return response;
  }
}

/** A gateway that answers for a server that is down; a hub says 503. */
const AWAY = [502, 503, 504];

async function failure(response: Response): Promise<WireError> {
  const told = await response.json().then(
    (body: { message?: unknown }) => body.message,
    () => undefined // a page, not ours
  );
  const message = typeof told === 'string' ? told : `${response.status} ${response.statusText}`;
  if (response.status === 404) {
    return new WireError('missing', message);
  }
  const isAway = typeof told !== 'string' && AWAY.includes(response.status);
  return new WireError(isAway ? 'away' : 'refused', message);
}
