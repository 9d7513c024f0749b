using System.Buffers.Binary;
using HvSdk.Backends;

namespace HvSdk.Testing;

/// <summary>What the guest of one vCPU does, step by step, and what was done to the vCPU (<see cref="ScriptedBackend.Vcpu"/>).</summary>
/// <remarks>
/// A vCPU that is run beyond the last step halts, once; run again it throws an <see cref="InvalidOperationException"/>, so that no test runs
/// for ever. Steps may be added while the script is played.
/// </remarks>
public sealed partial class VcpuScript
{
    private readonly object _gate = new();
    private readonly List<ScriptStep> _steps = [];
    private readonly List<byte> _injectedInterrupts = [];
    private readonly List<(Arm64InterruptInput Input, bool Asserted)> _inputChanges = [];
    private readonly List<(int InterruptId, bool Asserted)> _privateInterruptChanges = [];
    private bool _nextContinues;
    private bool _inInstruction;
    private int _kicks;

    internal VcpuScript(int index) => Index = index;

    /// <summary>Index of the vCPU.</summary>
    public int Index { get; }

    /// <summary>How often the guest was entered.</summary>
    public int Entries { get; internal set; }

    /// <summary>How often the vCPU was kicked.</summary>
    public int Kicks => Volatile.Read(ref _kicks);

    /// <summary>Vectors that were put on their way (<see cref="X64Vcpu.InjectInterrupt"/>), in order.</summary>
    public IReadOnlyList<byte> InjectedInterrupts
    {
        get
        {
            lock (_gate)
            {
                return [.. _injectedInterrupts];
            }
        }
    }

    /// <summary>Each setting of an interrupt input (arm64), in order.</summary>
    public IReadOnlyList<(Arm64InterruptInput Input, bool Asserted)> InputChanges
    {
        get
        {
            lock (_gate)
            {
                return [.. _inputChanges];
            }
        }
    }

    /// <summary>Each setting of a private peripheral interrupt (arm64), in order.</summary>
    public IReadOnlyList<(int InterruptId, bool Asserted)> PrivateInterruptChanges
    {
        get
        {
            lock (_gate)
            {
                return [.. _privateInterruptChanges];
            }
        }
    }

    /// <summary>How many NMIs were raised.</summary>
    public int InjectedNmis { get; internal set; }

    /// <summary>An interrupt window is asked for and was not given by <see cref="InterruptWindow"/> yet.</summary>
    public bool IsInterruptWindowRequested { get; internal set; }

    /// <summary>How the vCPU is debugged.</summary>
    public VcpuDebugOptions Debugging { get; internal set; } = VcpuDebugOptions.None;

    /// <summary>The guest writes to a port.</summary>
    /// <param name="port">The port.</param>
    /// <param name="value">The value.</param>
    /// <param name="size">Bytes of the write: 1, 2 or 4.</param>
    public VcpuScript PortWrite(ushort port, ulong value, int size = 1)
    {
        RequirePortSize(size);
        byte[] data = ToBytes(value, size);
        return Add((ScriptedVcpuBackend vcpu, out VcpuExit exit) => Exit(out exit, ExitFactory.Port(isWrite: true, port, vcpu.BeginWrite(data), 1)));
    }

    /// <summary>The guest writes a string to a port (x64: REP OUTS).</summary>
    /// <param name="port">The port.</param>
    /// <param name="data">The bytes: <paramref name="size"/> for each write.</param>
    /// <param name="size">Bytes of each write: 1, 2 or 4.</param>
    public VcpuScript PortWriteString(ushort port, ReadOnlySpan<byte> data, int size = 1)
    {
        RequirePortSize(size);
        if (data.IsEmpty || data.Length % size != 0)
        {
            throw new ArgumentException($"{data.Length} bytes are no whole number of writes of {size}.", nameof(data));
        }

        byte[] own = data.ToArray();
        return Add((ScriptedVcpuBackend vcpu, out VcpuExit exit) =>
            Exit(out exit, ExitFactory.Port(isWrite: true, port, vcpu.BeginWrite(own), own.Length / size)));
    }

    /// <summary>The guest reads from a port.</summary>
    /// <param name="port">The port.</param>
    /// <param name="answer">What it gets.</param>
    /// <param name="size">Bytes of the read: 1, 2 or 4.</param>
    public VcpuScript PortRead(ushort port, out ScriptedAnswer answer, int size = 1) => PortReadString(port, 1, out answer, size);

    /// <summary>The guest reads a string from a port (x64: REP INS).</summary>
    /// <param name="port">The port.</param>
    /// <param name="count">How many reads.</param>
    /// <param name="answer">What it gets: <paramref name="size"/> bytes for each read.</param>
    /// <param name="size">Bytes of each read: 1, 2 or 4.</param>
    public VcpuScript PortReadString(ushort port, int count, out ScriptedAnswer answer, int size = 1)
    {
        RequirePortSize(size);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        var given = answer = new ScriptedAnswer();
        return Add((ScriptedVcpuBackend vcpu, out VcpuExit exit) =>
            Exit(out exit, ExitFactory.Port(isWrite: false, port, vcpu.BeginRead(size * count, given), count)));
    }

    /// <summary>The guest writes to a GPA without memory.</summary>
    /// <param name="address">The GPA.</param>
    /// <param name="value">The value.</param>
    /// <param name="size">Bytes of the write, 1 to 8.</param>
    public VcpuScript MmioWrite(ulong address, ulong value, int size = 4)
    {
        RequireMmioSize(size);
        byte[] data = ToBytes(value, size);
        return Add((ScriptedVcpuBackend vcpu, out VcpuExit exit) => Exit(out exit, ExitFactory.Mmio(isWrite: true, address, vcpu.BeginWrite(data))));
    }

    /// <summary>The guest reads from a GPA without memory.</summary>
    /// <param name="address">The GPA.</param>
    /// <param name="answer">What it gets.</param>
    /// <param name="size">Bytes of the read, 1 to 8.</param>
    public VcpuScript MmioRead(ulong address, out ScriptedAnswer answer, int size = 4)
    {
        RequireMmioSize(size);
        var given = answer = new ScriptedAnswer();
        return Add((ScriptedVcpuBackend vcpu, out VcpuExit exit) =>
            Exit(out exit, ExitFactory.Mmio(isWrite: false, address, vcpu.BeginRead(size, given))));
    }

    /// <summary>The guest reads a system register that leaves (x64: RDMSR).</summary>
    /// <param name="index">The register.</param>
    /// <param name="answer">What it gets.</param>
    public VcpuScript RegisterRead(uint index, out ScriptedAnswer answer)
    {
        var given = answer = new ScriptedAnswer();
        return Add((ScriptedVcpuBackend vcpu, out VcpuExit exit) =>
            Exit(out exit, ExitFactory.Register(isWrite: false, index, vcpu.BeginRead(sizeof(ulong), given), vcpu.Fault)));
    }

    /// <summary>The guest writes a system register that leaves (x64: WRMSR).</summary>
    /// <param name="index">The register.</param>
    /// <param name="value">The value.</param>
    /// <param name="answer">Whether it was refused.</param>
    public VcpuScript RegisterWrite(uint index, ulong value, out ScriptedAnswer answer)
    {
        var given = answer = new ScriptedAnswer();
        return Add((ScriptedVcpuBackend vcpu, out VcpuExit exit) =>
        {
            Span<byte> data = vcpu.BeginRead(sizeof(ulong), given);
            BinaryPrimitives.WriteUInt64LittleEndian(data, value);
            return Exit(out exit, ExitFactory.Register(isWrite: true, index, data, vcpu.Fault));
        });
    }

    /// <summary>The guest calls the host.</summary>
    /// <param name="number">Number of the call.</param>
    /// <param name="answer">Its result.</param>
    /// <param name="arguments">Its arguments; they are in <see cref="VcpuExit.RawData"/>, 8 bytes each.</param>
    public VcpuScript Hypercall(ulong number, out ScriptedAnswer answer, params ReadOnlySpan<ulong> arguments)
    {
        var given = answer = new ScriptedAnswer();
        byte[] raw = new byte[arguments.Length * sizeof(ulong)];
        for (int i = 0; i < arguments.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(raw.AsSpan(i * sizeof(ulong)), arguments[i]);
        }

        return Add((ScriptedVcpuBackend vcpu, out VcpuExit exit) => Exit(out exit, ExitFactory.Hypercall(number, vcpu.BeginRead(sizeof(ulong), given), raw)));
    }

    /// <summary>Steps that are one instruction: a cancellation takes effect before the first of them or behind the last (an access that crosses pages, for one).</summary>
    /// <param name="accesses">Adds the steps.</param>
    public VcpuScript OneInstruction(Action<VcpuScript> accesses)
    {
        ArgumentNullException.ThrowIfNull(accesses);
        lock (_gate)
        {
            _inInstruction = true;
            try
            {
                accesses(this);
            }
            finally
            {
                _inInstruction = false;
                _nextContinues = false;
            }

            return this;
        }
    }

    /// <summary>Kicks come from any thread, several at once.</summary>
    internal void CountKick() => Interlocked.Increment(ref _kicks);

    internal bool TryGetStep(int position, out ScriptStep step)
    {
        lock (_gate)
        {
            bool exists = position < _steps.Count;
            step = exists ? _steps[position] : default;
            return exists;
        }
    }

    internal void RecordInput(Arm64InterruptInput input, bool asserted)
    {
        lock (_gate)
        {
            _inputChanges.Add((input, asserted));
        }
    }

    internal void RecordPrivateInterrupt(int interruptId, bool asserted)
    {
        lock (_gate)
        {
            _privateInterruptChanges.Add((interruptId, asserted));
        }
    }

    internal void RecordInterrupt(byte vector)
    {
        lock (_gate)
        {
            _injectedInterrupts.Add(vector);
        }
    }

    private static bool Exit(out VcpuExit exit, VcpuExit value)
    {
        exit = value;
        return true;
    }

    private static byte[] ToBytes(ulong value, int size)
    {
        if (size < sizeof(ulong) && value >> (size * 8) != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(value), value, $"0x{value:X} does not fit {size} bytes. Give the size of the write.");
        }

        byte[] bytes = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return bytes[..size];
    }

    private static void RequirePortSize(int size)
    {
        if (size is not (1 or 2 or 4))
        {
            throw new ArgumentOutOfRangeException(nameof(size), size, $"A port access has 1, 2 or 4 bytes, and {size} were asked for.");
        }
    }

    private static void RequireMmioSize(int size)
    {
        if (size is < 1 or > sizeof(ulong))
        {
            throw new ArgumentOutOfRangeException(nameof(size), size, $"An MMIO access has 1 to 8 bytes, and {size} were asked for.");
        }
    }

    private VcpuScript Add(ScriptPlayer play)
    {
        lock (_gate)
        {
            _steps.Add(new ScriptStep(play, _nextContinues));
            _nextContinues = _inInstruction;
            return this;
        }
    }
}
