/** Whether a person should hear of something, and the memory of what was told. */
import type { Format } from './format';
import { levelOf, limitOf } from './level';
import type { Balance, Meter } from './wire';

export type Cause = 'will-not-last' | 'very-low' | 'used-up';

export interface IWarning {
  readonly meter: Meter;
  /** The gravest cause first; one message tells of all. */
  readonly causes: readonly Cause[];
}

/** What holds of a meter now, the gravest first. */
function causesOf(meter: Meter): Cause[] {
  const causes: Cause[] = [];
  const level = levelOf(limitOf(meter));
  if (level === 'over' || level === 'used-up') {
    causes.push('used-up');
  }
  if (level === 'very-low' || causes.length) {
    causes.push('very-low');
  }
  if (meter.pace?.lasts === false) {
    causes.push('will-not-last');
  }
  return causes;
}

/** The name under which a cause is remembered: it comes back with the next month, or in another account. */
export function keyOf({ account, period }: Balance, meter: Meter, cause: Cause): string {
  return [account?.host, account?.holder, period?.key, meter.meter, cause].join(' ');
}

/** The warnings that are true of a balance: at most one a meter, known by its gravest cause. */
export function warningsOf(balance: Balance): ReadonlyMap<string, IWarning> {
  const warnings = new Map<string, IWarning>();
  for (const meter of balance.state === 'known' ? balance.meters : []) {
    const causes = causesOf(meter);
    if (causes[0]) {
      warnings.set(keyOf(balance, meter, causes[0]), { meter, causes });
    }
  }
  return warnings;
}

/** A warning in one line. */
export function warningWords(
  format: Format,
  balance: Balance,
  { meter, causes }: IWarning
): string {
  const { trans } = format;
  const whose = balance.account?.demo ? trans.__('Local demo') : 'Ask Sage';
  const name = format.meterName(meter.meter).toLocaleLowerCase();
  if (causes[0] === 'will-not-last') {
    const words = trans.__('%1 %2 tokens will not last until the reset.', whose, name);
    return [words, meter.pace?.words].filter(Boolean).join(' ');
  }
  const words = trans.__('%1 %2 tokens: %3.', whose, name, format.spendable(meter));
  return balance.period ? `${words} ${format.reset(balance.period)}.` : words;
}

/** The causes told of, kept across reloads; only those of the present months stay. */
export class Told {
  constructor(private readonly storage: Pick<Storage, 'getItem' | 'setItem'>) {}

  get keys(): ReadonlySet<string> {
    try {
      const kept: unknown = JSON.parse(this.storage.getItem(Told.KEY) ?? '[]');
      return new Set(Array.isArray(kept) ? kept : []);
    } catch {
      return new Set(); // not ours, or storage is off: telling twice is the lesser evil
    }
  }

  add(balance: Balance, { meter, causes }: IWarning): void {
    const added = causes.map(cause => keyOf(balance, meter, cause));
    const kept = [...this.keys].filter(key => !added.includes(key)).slice(-Told.MOST);
    try {
      this.storage.setItem(Told.KEY, JSON.stringify([...kept, ...added]));
    } catch {
      // Storage is off or full.
    }
  }

  private static readonly KEY = '@asksage/jupyter:told';
  private static readonly MOST = 50;
}
