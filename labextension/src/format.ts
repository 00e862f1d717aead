/** Figures, dates and the words around them; nothing here knows the page. */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { IBar } from './bar';
import { isPool, type Level, type Limit, limitOf } from './level';
import type { Access, Balance, Meter, Opened, Pool } from './wire';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A part of a bar, as its legend tells it. */
export interface IPart {
  readonly part: keyof IBar;
  readonly tokens: number;
  readonly words: string;
}

export class Format {
  /**
   * @param trans The translations.
   * @param locale A language tag; the browser's own when absent.
   */
  constructor(
    readonly trans: TranslationBundle,
    locale?: string
  ) {
    this.figures = new Intl.NumberFormat(locale);
    this.dates = new Intl.DateTimeFormat(locale, {
      day: 'numeric',
      month: 'short',
      timeZone: 'UTC'
    });
    this.times = new Intl.DateTimeFormat(locale, {
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23'
    });
  }

  /** "163,204" */
  figure(tokens: number): string {
    return this.figures.format(tokens);
  }

  /** "27 Nov" */
  day(date: string): string {
    return this.dayAndMonth(new Date(`${date}T00:00:00Z`));
  }

  /** "14:02" today, "22 Nov 14:02" before, in the person's own zone. */
  moment(then: Date, now: Date): string {
    const time = this.times.format(then);
    if (then.toDateString() === now.toDateString()) {
      return time;
    }
    const local = new Date(Date.UTC(then.getFullYear(), then.getMonth(), then.getDate()));
    return `${this.dayAndMonth(local)} ${time}`;
  }

  /** "2 min ago": seconds would change all the time, and nobody needs them. */
  age(then: Date, now: Date): string {
    const passed = now.getTime() - then.getTime();
    if (passed < MINUTE_MS) {
      return this.trans.__('just now');
    }
    if (passed < HOUR_MS) {
      return this.trans.__('%1 min ago', Math.floor(passed / MINUTE_MS));
    }
    return passed < DAY_MS
      ? this.trans.__('%1 h ago', Math.floor(passed / HOUR_MS))
      : this.moment(then, now);
  }

  /** "Resets 1 Dec, 9 days left" */
  reset({ key, days_left }: NonNullable<Balance['period']>): string {
    const [year = 0, month = 0] = key.split('-').map(Number);
    const day = this.dayAndMonth(new Date(Date.UTC(year, month))); // of the next month: they count from 0
    return days_left > 0
      ? this.trans._n('Resets %2, %1 day left', 'Resets %2, %1 days left', days_left, day)
      : this.trans.__('Resets %1', day);
  }

  meterName(name: Meter['meter']): string {
    return name === 'inference' ? this.trans.__('Inference') : this.trans.__('Training');
  }

  /** The step as a word; empty while there is enough. */
  level(level: Level): string {
    switch (level) {
      case 'low':
        return this.trans.__('low');
      case 'very-low':
        return this.trans.__('very low');
      case 'used-up':
        return this.trans.__('used up');
      case 'over':
        return this.trans.__('over');
      default:
        return '';
    }
  }

  /** What stands between the account and Ask Sage. */
  access(state: Access['state']): string {
    switch (state) {
      case 'no-key':
        return this.trans.__('No key');
      case 'bad-key':
        return this.trans.__('Key not accepted');
      case 'not-reached':
        return this.trans.__('Not reached');
      default:
        return this.trans.__('Asking Ask Sage …');
    }
  }

  /** The one figure that matters, and what it is to be read against. */
  headline({ granted, remaining, used }: Limit): [figure: string, words: string] {
    if (granted === null || remaining === null) {
      return [this.figure(used), this.trans.__('used, allotment not known')];
    }
    return remaining < 0
      ? [this.figure(-remaining), this.trans.__('over %1', this.figure(granted))]
      : [this.figure(remaining), this.trans.__('left of %1', this.figure(granted))];
  }

  /** "163,204 left of 200,000", or "9,000 left of 100,000 in the pool lab" where that gives out first. */
  spendable(meter: Meter): string {
    const limit = limitOf(meter);
    const words = this.headline(limit).join(' ');
    return isPool(limit) ? this.trans.__('%1 in the pool %2', words, limit.name) : words;
  }

  /** What fills a bar, in words; parts without tokens are left out, but never the first. */
  parts(limit: Limit): IPart[] {
    const over = Math.max(-(limit.remaining ?? 0), 0);
    const parts: IPart[] = [
      {
        part: 'used',
        tokens: limit.used,
        words: this.trans.__('%1 used', this.figure(limit.used))
      },
      ...(isPool(limit) ? this.heldOfPool(limit) : this.held(limit)),
      { part: 'over', tokens: over, words: this.trans.__('%1 over', this.figure(over)) }
    ];
    return parts.filter(({ part, tokens }) => part === 'used' || tokens > 0);
  }

  /** "3 calls without a bill yet, 338 held" */
  opened({ calls, tokens }: Opened): string {
    return this.trans._n(
      '%1 call without a bill yet, %2 held',
      '%1 calls without a bill yet, %2 held',
      calls,
      this.figure(tokens)
    );
  }

  private held({ held }: Meter): IPart[] {
    return [{ part: 'held', tokens: held, words: this.trans.__('%1 held', this.figure(held)) }];
  }

  private heldOfPool({ held, held_by_others: others, open_by_others: calls }: Pool): IPart[] {
    const own = held - others;
    const words = this.trans._n(
      '%2 held by %1 open call of others',
      '%2 held by %1 open calls of others',
      calls,
      this.figure(others)
    );
    return [
      { part: 'held', tokens: own, words: this.trans.__('%1 held by you', this.figure(own)) },
      { part: 'others', tokens: others, words }
    ];
  }

  /** English dates are told as everywhere in this package, the day first; others as their locale has them. */
  private dayAndMonth(date: Date): string {
    if (!this.dates.resolvedOptions().locale.startsWith('en')) {
      return this.dates.format(date);
    }
    const parts = Object.fromEntries(
      this.dates.formatToParts(date).map(part => [part.type, part.value])
    );
    return `${parts['day']} ${parts['month']}`;
  }

  private readonly figures: Intl.NumberFormat;
  private readonly dates: Intl.DateTimeFormat;
  private readonly times: Intl.DateTimeFormat;
}
