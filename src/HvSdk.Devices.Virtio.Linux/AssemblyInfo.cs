using System.Runtime.CompilerServices;

// All structs are blittable and all signatures native: nothing is marshalled but handles and spans. The assembly loads on every system; nothing
// native is called before a constructor has looked at the system.
[assembly: DisableRuntimeMarshalling]
