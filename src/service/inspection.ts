/**
 * Spares a service the inspection events that nothing reads. XState makes and copies one for each action, event and snapshot, some 250 in
 * a life; of these the flight recorder reads the microsteps alone.
 */
import type { AnyActorRef, InspectionEvent } from "xstate";

/** XState calls it with each event before it is copied. Not of its public interface: where it is missing, every event is made, as before. */
interface Sending {
  _sendInspectionEvent?: (event: Pick<InspectionEvent, "type">) => void;
}

/** Calls `listener`, which must not throw, with each microstep of the system. Other inspectors still get every event. */
export const recordMicrosteps = (system: AnyActorRef["system"], listener: (event: InspectionEvent) => void): void => {
  const { inspect } = system;
  const sending = system as Sending;
  const send = sending._sendInspectionEvent;
  inspect(listener);
  if (send === undefined) return;
  const inspectors = new Set<object>();
  sending._sendInspectionEvent = (event) => {
    if (inspectors.size > 0 || event.type === "@xstate.microstep") send(event);
  };
  system.inspect = (observer) => {
    const { unsubscribe } = inspect(observer);
    const inspector = {};
    inspectors.add(inspector);
    return {
      unsubscribe: () => {
        inspectors.delete(inspector);
        unsubscribe();
      },
    };
  };
};
