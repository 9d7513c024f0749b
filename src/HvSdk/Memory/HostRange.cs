using System.Runtime.InteropServices;

namespace HvSdk;

/// <summary>A piece of this process's memory, laid out as POSIX has it for its calls (struct iovec): two words, the address and the length.</summary>
/// <param name="Start">The first byte.</param>
/// <param name="Length">How many; more than 0.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct HostRange(nint Start, nint Length);
