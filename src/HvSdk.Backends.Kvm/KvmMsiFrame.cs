using System.Buffers.Binary;

namespace HvSdk.Backends.Kvm;

/// <summary>The frame whose writes are shared interrupts (GICv2m; Server Base System Architecture, appendix E). KVM has none, so its accesses are answered here.</summary>
internal sealed class KvmMsiFrame(Arm64MsiFrame frame)
{
    /// <summary>MSI_TYPER: how many interrupts, and from bit 16 the INTID of the first.</summary>
    private const ulong Typer = 0x008;
    private const int FirstShift = 16;

    /// <summary>MSI_SETSPI_NS: a write raises the interrupt of the INTID written.</summary>
    private const ulong SetSpi = 0x040;

    /// <summary>MSI_IIDR: Arm's JEP106 code as the implementer, and nothing that a driver would work around.</summary>
    private const ulong Iidr = 0xFCC;
    private const uint Implementer = 0x43B;

    /// <summary>The line that a message raises.</summary>
    internal bool TryGetLine(MsiMessage message, out int line)
    {
        line = 0;
        return message.Address == frame.Address + SetSpi && TryGetLine(message.Data, out line);
    }

    internal bool Contains(ulong address) => address - frame.Address < Arm64GicLayout.MsiFrameSize;

    /// <summary>Answers a read: registers are read in 32 bits, and all else is zero.</summary>
    internal void Read(ulong address, Span<byte> data)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        bytes.Clear();
        if (data.Length == sizeof(uint))
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, (address - frame.Address) switch
            {
                Typer => ((uint)(KvmGic.FirstSharedInterrupt + frame.FirstLine) << FirstShift) | (uint)frame.LineCount,
                Iidr => Implementer,
                _ => 0,
            });
        }

        bytes[..data.Length].CopyTo(data);
    }

    /// <summary>Finds the line that a write raises; all other writes vanish.</summary>
    internal bool TryWrite(ulong address, ReadOnlySpan<byte> data, out int line)
    {
        line = 0;
        return address - frame.Address == SetSpi && data.Length switch
        {
            sizeof(ushort) => TryGetLine(BinaryPrimitives.ReadUInt16LittleEndian(data), out line),
            sizeof(uint) => TryGetLine(BinaryPrimitives.ReadUInt32LittleEndian(data), out line),
            _ => false,
        };
    }

    private bool TryGetLine(uint interruptId, out int line)
    {
        uint index = unchecked(interruptId - (uint)(KvmGic.FirstSharedInterrupt + frame.FirstLine));
        line = frame.FirstLine + (int)index;
        return index < (uint)frame.LineCount;
    }
}
