/** Figures, dates and the words around them; nothing here knows the page. */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { IBar } from './bar';
import { type Level, levelOf, meterOf } from './level';
import type { IState } from './model';
import type { Balance, Meter } from './wire';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

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

  /** The one figure that matters, and what it is to be read against. */
  headline(meter: Meter): [figure: string, words: string] {
    const { granted, overage, remaining, used } = meter;
    if (granted === null || remaining === null) {
      return [this.figure(used), this.trans.__('used, allotment not known')];
    }
    if (overage > 0) {
      return [this.figure(overage), this.trans.__('over %1', this.figure(granted))];
    }
    return [this.figure(remaining), this.trans.__('left of %1', this.figure(granted))];
  }

  /** What is used, held and over, in words; parts without tokens are left out, but never the first. */
  parts({ used, held, overage }: Meter): { part: keyof IBar; words: string }[] {
    const parts = [
      { part: 'used' as keyof IBar, words: this.trans.__('%1 used', this.figure(used)) }
    ];
    if (held > 0) {
      parts.push({ part: 'held', words: this.trans.__('%1 held', this.figure(held)) });
    }
    if (overage > 0) {
      parts.push({ part: 'over', words: this.trans.__('%1 over', this.figure(overage)) });
    }
    return parts;
  }

  /** The status item: "Ask Sage 163,204 left". */
  status(state: IState, shows: 'remaining' | 'used', now: Date): string {
    const { balance, readAt, trouble } = state;
    if (!balance) {
      return trouble ? this.trans.__('Ask Sage: not available') : 'Ask Sage';
    }
    const meter = meterOf(balance, 'inference');
    if (balance.state === 'trouble') {
      return this.trans.__('Ask Sage: not available');
    }
    if (!meter || (balance.state === 'unknown' && meter.used === 0)) {
      return this.trans.__('Ask Sage: no calls yet');
    }
    const whose = balance.account?.demo ? this.trans.__('Local demo') : 'Ask Sage';
    const figures = `${whose} ${this.statusFigures(meter, shows)}`;
    return trouble && readAt
      ? this.trans.__('%1 at %2', figures, this.moment(readAt, now))
      : figures;
  }

  /** What the status item tells on hovering: a line each. */
  statusDetails({ balance, trouble }: IState): string {
    if (!balance) {
      return trouble?.message ?? '';
    }
    const meter = meterOf(balance, 'inference');
    return [
      balance.account?.title,
      balance.trouble,
      meter && this.headline(meter).join(' '),
      balance.period && this.reset(balance.period),
      meter?.pace?.words,
      meter?.pace?.advice
    ]
      .filter(Boolean)
      .join('\n');
  }

  private statusFigures(meter: Meter, shows: 'remaining' | 'used'): string {
    const { overage, remaining, used } = meter;
    const level = levelOf(meter);
    if (level === 'over') {
      return this.trans.__('%1 over', this.figure(overage));
    }
    if (level === 'used-up') {
      return this.level(level);
    }
    const words =
      shows === 'used' || remaining === null
        ? this.trans.__('%1 used', this.figure(used))
        : this.trans.__('%1 left', this.figure(remaining));
    return [words, this.level(level)].filter(Boolean).join(', ');
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
