/** What the status item says. */
import type { Format } from './format';
import { isPool, type Level, levelOf, limitOf, meterOf } from './level';
import type { IState } from './model';
import type { Meter } from './wire';

/** The step of what can be spent. */
export function statusLevel({ balance }: IState): Level {
  const meter = meterOf(balance, 'inference');
  return meter ? levelOf(limitOf(meter)) : 'unknown';
}

/** "Ask Sage 163,204 left": what can be spent, or what was used. */
export function statusLine(
  format: Format,
  { balance, readAt, trouble }: IState,
  shows: 'remaining' | 'used',
  now: Date
): string {
  const { trans } = format;
  if (!balance) {
    return trouble ? trans.__('Ask Sage: not available') : 'Ask Sage';
  }
  const meter = meterOf(balance, 'inference');
  if (balance.state === 'trouble') {
    return trans.__('Ask Sage: not available');
  }
  if (!meter || (balance.state === 'unknown' && meter.used === 0)) {
    if (balance.access) {
      return trans.__('Ask Sage: %1', format.access(balance.access.state));
    }
    return trans.__('Ask Sage: no calls yet');
  }
  const whose = balance.account?.demo ? trans.__('Local demo') : 'Ask Sage';
  const figures = `${whose} ${figuresOf(format, meter, shows)}`;
  return trouble && readAt ? trans.__('%1 at %2', figures, format.moment(readAt, now)) : figures;
}

/** What the status item tells on hovering: a line each. */
export function statusDetails(format: Format, { balance, trouble }: IState): string {
  if (!balance) {
    return trouble?.message ?? '';
  }
  const meter = meterOf(balance, 'inference');
  return [
    balance.account?.title,
    balance.trouble,
    balance.access?.words,
    ...(meter ? limits(format, meter) : []),
    balance.period && format.reset(balance.period),
    meter?.pace?.words,
    meter?.pace?.advice
  ]
    .filter(Boolean)
    .join('\n');
}

function figuresOf(format: Format, meter: Meter, shows: 'remaining' | 'used'): string {
  const { trans } = format;
  const limit = limitOf(meter);
  const { remaining } = limit;
  const level = levelOf(limit);
  if (remaining !== null && level === 'over') {
    return trans.__('%1 over', format.figure(-remaining));
  }
  if (level === 'used-up') {
    return format.level(level);
  }
  const words =
    shows === 'used' || remaining === null
      ? trans.__('%1 used', format.figure(meter.used))
      : trans.__('%1 left', format.figure(remaining));
  return [words, format.level(level)].filter(Boolean).join(', ');
}

/** What is left; to a pool's member, first of what gives out first. */
function limits(format: Format, meter: Meter): string[] {
  const { trans } = format;
  const { pool } = meter;
  const own = format.headline(meter).join(' ');
  if (!pool) {
    return [own];
  }
  const common = format.headline(pool).join(' ');
  if (!pool.capped) {
    return [
      trans.__('Limited by the pool %1: %2', pool.name, common),
      trans.__('You used %1 of it', format.figure(meter.used))
    ];
  }
  return isPool(limitOf(meter))
    ? [trans.__('Limited by the pool %1: %2', pool.name, common), trans.__('Your cap: %1', own)]
    : [trans.__('Limited by your cap: %1', own), trans.__('Pool %1: %2', pool.name, common)];
}
