/** What the server extension sends: the shapes, and how to ask for them. */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { flag, list, nullable, oneOf, type Read, record, type Shape, text, whole } from './shape';

/** The event that says "something was booked"; it carries no figures. */
export const HINT = 'urn:asksage-jupyter:ledger-changed';

const meterName = oneOf('inference', 'training');

const call = record({
  sent_at: text,
  model: text,
  meter: meterName,
  tokens: whole,
  source: text,
  status: text
});

const pace = record({
  words: text,
  advice: text,
  lasts: nullable(flag)
});

const pool = record({
  name: text,
  granted: nullable(whole),
  used: whole,
  held: whole,
  remaining: nullable(whole),
  held_by_others: whole,
  open_by_others: whole,
  capped: flag
});

const meter = record({
  meter: meterName,
  granted: nullable(whole),
  used: whole,
  held: whole,
  remaining: nullable(whole),
  source: text,
  as_of: nullable(text),
  pace: nullable(pace),
  spendable: nullable(whole),
  pool: nullable(pool),
  /** Tokens that were asked for, about which nobody has decided. */
  asked_for: whole
});

/** Calls without a bill yet, and what is held for them. */
const opened = record({ calls: whole, tokens: whole });

/** What stands between the account and the service; null where nothing is known to. */
const access = record({
  state: oneOf('asking', 'no-key', 'bad-key', 'not-reached'),
  words: text
});

const balance = record({
  state: oneOf('known', 'unknown', 'no-ledger', 'trouble'),
  trouble: nullable(text),
  account: nullable(record({ holder: text, host: text, demo: flag, title: text })),
  period: nullable(record({ key: text, days_left: whole })),
  meters: list(meter),
  open: opened,
  checked_at: nullable(text),
  can_check: flag,
  now: text,
  note: nullable(text),
  access: nullable(access)
});

const month = record({
  granted: nullable(whole),
  days: list(record({ date: text, used: whole })),
  calls: list(call)
});

const spend = record({
  path: text,
  open: opened,
  tokens: whole,
  calls: whole,
  cells: list(record({ cell: text, tokens: whole, calls: whole, model: text, sent_at: text }))
});

export type Call = Read<typeof call>;
export type Meter = Read<typeof meter>;
/** What a call of a pool's member must fit too; `capped`: beside a cap of their own. */
export type Pool = Read<typeof pool>;
export type Balance = Read<typeof balance>;
export type Access = Read<typeof access>;
export type Opened = Read<typeof opened>;
export type Month = Read<typeof month>;
/** What one notebook used this month, with its dearest cells. */
export type Spend = Read<typeof spend>;

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
  spend(path: string): Promise<Spend>;
  /** The balance after comparing with the service. */
  refresh(): Promise<Balance>;
}

/** The server extension's routes. */
export class Desk implements IDesk {
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

  spend(path: string): Promise<Spend> {
    return this.read(spend, `notebook?path=${encodeURIComponent(path)}`);
  }

  refresh(): Promise<Balance> {
    return this.read(balance, 'refresh', { method: 'POST' });
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
