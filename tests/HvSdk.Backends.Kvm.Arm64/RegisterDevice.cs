using System.Collections.Concurrent;
using HvSdk.Buses;

namespace HvSdk.Backends.Kvm.Arm64;

/// <summary>Remembers writes in words, and answers reads with bytes that tell their offset: 0x80 and up.</summary>
internal sealed class RegisterDevice : IBusDevice
{
    private const byte First = 0x80;

    private readonly ConcurrentQueue<string> _accesses = new();

    /// <summary>"W 4 at 0x8: 12345678", "R 2 at 0x0".</summary>
    internal string[] Accesses => [.. _accesses];

    public void Read(ulong offset, Span<byte> data)
    {
        for (int i = 0; i < data.Length; i++)
        {
            data[i] = (byte)(First + (int)offset + i);
        }

        _accesses.Enqueue($"R {data.Length} at 0x{offset:X}");
    }

    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        Span<byte> reversed = stackalloc byte[data.Length];
        data.CopyTo(reversed);
        reversed.Reverse();
        _accesses.Enqueue($"W {data.Length} at 0x{offset:X}: {Convert.ToHexString(reversed)}");
    }
}
