using System.Runtime.CompilerServices;

// All structs are blittable and all signatures native: nothing is marshalled. The assembly loads on every system, so that an application can
// name all its backends and let the probe choose; nothing native is called before the probe has looked at the system.
[assembly: DisableRuntimeMarshalling]
