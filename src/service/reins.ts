/** The methods of a service's base class, for the process that runs it: a tier may have members of the same names. */

/** The key from a service to its base class, also to that of another copy of this package. */
export const baseClass: unique symbol = Symbol.for("stargazer.base");

/** A service as its base class has it. */
export interface Base {
  /** methods and accessors, to be called on the service */
  readonly methods: object;
  /** fields that the base class had set on the service itself */
  readonly fields: object;
}

/**
 * The service as its base class has it: a tier may have a method or field of its own that is named `shutdown`, `status`, `actor` or
 * `serviceName`. A service without the key is returned as it is.
 */
export const reinsOf = <Service extends object>(service: Service): Service => {
  const base = (service as { readonly [baseClass]?: Base })[baseClass];
  if (base === undefined) return service;
  const get = (_target: object, name: string | symbol): unknown => {
    // returned as it is
    if (name === baseClass) return undefined;
    if (Object.hasOwn(base.fields, name)) return Reflect.get(base.fields, name);
    const value: unknown = Reflect.get(base.methods, name, service);
    return typeof value === "function" ? value.bind(service) : value;
  };
  return new Proxy({}, { get }) as Service;
};
