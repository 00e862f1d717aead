/** A job that runs at once; all calls made while it runs become one more run after it. */
export class Coalesced {
  constructor(private readonly job: () => Promise<void>) {}

  /** Resolved when a run that began at or after this call has ended. */
  run(): Promise<void> {
    if (!this.running) {
      this.running = this.job().finally(() => (this.running = null));
      return this.running;
    }
    this.next ??= this.running
      .catch(() => undefined) // the one who asked for that run is told
      .then(() => {
        this.next = null;
        return this.run();
      });
    return this.next;
  }

  private running: Promise<void> | null = null;
  private next: Promise<void> | null = null;
}
