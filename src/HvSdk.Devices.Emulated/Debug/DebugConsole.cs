using System.IO.Pipelines;
using HvSdk.Devices.Emulated.Streams;

namespace HvSdk.Devices.Emulated;

/// <summary>The simplest console there is: a byte written to its port is a byte of text. Bochs has it at 0xE9, QEMU and firmware at 0x402.</summary>
/// <remarks>
/// <para>
/// A read gives 0xE9, by which a guest finds out that it is there. It cannot make the guest wait: what the host does not read is kept up to
/// <see cref="BufferSize"/> bytes. Until somebody asks for <see cref="Output"/> the newest are kept, and after that the oldest; the others are counted.
/// </para>
/// <para>It has no registers, and so no state to save. Any thread may call any member.</para>
/// </remarks>
/// <example>
/// <code>
/// var console = new DebugConsole();
/// Task copy = console.Output.CopyToAsync(Console.OpenStandardOutput());
/// </code>
/// </example>
public sealed class DebugConsole : IPlatformDevice, IBusDevice, IDisposable
{
    /// <summary>What a read gives.</summary>
    public const byte ReadBack = 0xE9;

    private readonly Lock _gate = new();
    private GuestOutput? _output;

    /// <summary>Its ports, each a window of its own. Default: 0xE9 and 0x402.</summary>
    public IReadOnlyList<ushort> Ports { get; init; } = [0xE9, 0x402];

    /// <summary>How many bytes are kept for the host. 64 bytes to 1 GiB; default: 64 KiB.</summary>
    public int BufferSize
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 64);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 1 << 30);
            field = value;
        }
    } = 64 * 1024;

    /// <summary>What the guest writes; it ends when the console is disposed of, which its machine does.</summary>
    public PipeReader Output => Stream.Reader;

    /// <summary>How many bytes were thrown away because nobody read them in time.</summary>
    public long DiscardedBytes
    {
        get
        {
            lock (_gate)
            {
                return _output?.Discarded ?? 0;
            }
        }
    }

    private GuestOutput Stream
    {
        get
        {
            lock (_gate)
            {
                return _output ??= new GuestOutput(_gate, BufferSize, isTaken: false);
            }
        }
    }

    /// <inheritdoc/>
    public void Attach(IDeviceSlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        slot.OnEnded(Dispose);
        foreach (ushort port in Ports)
        {
            slot.MapPorts(port, 1, this);
        }
    }

    /// <inheritdoc/>
    public void Read(ulong offset, Span<byte> data) => data.Fill(ReadBack);

    /// <inheritdoc/>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        lock (_gate)
        {
            GuestOutput stream = Stream;
            foreach (byte value in data)
            {
                stream.Write(value);
            }
        }
    }

    /// <summary>Ends the output: the reader gets what is left and then the end.</summary>
    public void Dispose() => Stream.Dispose();
}
