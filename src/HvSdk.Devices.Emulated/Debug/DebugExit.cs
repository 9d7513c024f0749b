using System.Buffers.Binary;

namespace HvSdk.Devices.Emulated;

/// <summary>A port by which a guest ends its machine with a number: what QEMU calls isa-debug-exit. For the kernels of test suites.</summary>
/// <remarks>
/// The machine's exit code is twice the number written, plus one: so it is never 0, which a guest that just ends may leave. It has no registers, and so
/// no state to save.
/// </remarks>
/// <example>
/// <code>
/// // in the guest: mov eax, 16; out 0xF4, eax    the machine ends with code 33
/// </code>
/// </example>
public sealed class DebugExit : IPlatformDevice, IBusDevice
{
    /// <summary>How many ports it has.</summary>
    public const int PortCount = 4;

    /// <summary>The first of its ports. Default: 0xF4.</summary>
    public ushort Port { get; init; } = 0xF4;

    /// <summary>The machine to end. A machine sets it.</summary>
    public IMachineControl? Machine { get; set; }

    /// <inheritdoc/>
    public void Attach(IDeviceSlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        Machine = slot.Machine;
        slot.MapPorts(Port, PortCount, this);
    }

    /// <inheritdoc/>
    public void Read(ulong offset, Span<byte> data) => data.Clear();

    /// <inheritdoc/>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        Span<byte> value = stackalloc byte[sizeof(uint)];
        value.Clear();
        data[..int.Min(data.Length, value.Length)].CopyTo(value);
        Machine?.Exit(unchecked((int)((BinaryPrimitives.ReadUInt32LittleEndian(value) << 1) | 1)));
    }
}
