using HvSdk.Devices.Emulated.State;

namespace HvSdk.Devices.Emulated;

/// <summary>The reset control register of a PC's chipset, a byte at port 0xCF9 (Intel I/O Controller Hub 10 data sheet, 13.7.5: RST_CNT).</summary>
/// <remarks>
/// A change of bit 2 from 0 to 1 resets: hard where bit 1 is set, the processors alone where not; here both reset the machine. Accesses of four bytes
/// at 0xCF8 belong to PCI and do not come here.
/// </remarks>
public sealed class ResetControl : IPlatformDevice, IBusDevice
{
    private const byte ResetProcessor = 1 << 2;
    private const byte Existing = 0x0E;

    private readonly Lock _gate = new();
    private byte _value;

    /// <summary>Its port. Default: 0xCF9.</summary>
    public ushort Port { get; init; } = 0xCF9;

    /// <summary>The machine to reset. A machine sets it.</summary>
    public IMachineControl? Machine { get; set; }

    /// <inheritdoc/>
    public void Attach(IDeviceSlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        Machine = slot.Machine;
        slot.MapPorts(Port, 1, this);
    }

    /// <inheritdoc/>
    public void Read(ulong offset, Span<byte> data)
    {
        data.Fill(0xFF);
        if (offset == 0 && !data.IsEmpty)
        {
            lock (_gate)
            {
                data[0] = _value;
            }
        }
    }

    /// <inheritdoc/>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (offset != 0 || data.IsEmpty)
        {
            return;
        }

        bool isReset;
        lock (_gate)
        {
            isReset = (data[0] & ~_value & ResetProcessor) != 0;
            _value = (byte)(data[0] & Existing);
        }

        if (isReset)
        {
            Machine?.Reset();
        }
    }

    /// <summary>The register.</summary>
    public ResetControlState SaveState()
    {
        lock (_gate)
        {
            return new ResetControlState { Value = _value };
        }
    }

    /// <summary>Puts the register back. Nothing is reset by that.</summary>
    /// <param name="state">A state of <see cref="SaveState"/>.</param>
    /// <exception cref="ArgumentException">A bit is set that does not exist.</exception>
    public void LoadState(ResetControlState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        StateCheck.Bits(nameof(state.Value), state.Value, Existing);
        lock (_gate)
        {
            _value = state.Value;
        }
    }
}

/// <summary>State of a <see cref="ResetControl"/>, as plain data.</summary>
public sealed record ResetControlState
{
    /// <summary>The register: bits 1 to 3 exist.</summary>
    public byte Value { get; init; }
}
