using HvSdk.Backends;

namespace HvSdk.Testing;

/// <summary>A vCPU that plays its script.</summary>
internal sealed class ScriptedVcpuBackend : VcpuBackend
{
    /// <summary>What an exit block holds before it is answered: whatever was in it before.</summary>
    private const byte Stale = 0xCC;

    private readonly VcpuScript _script;
    private readonly ManualResetEventSlim _kicked = new();
    private readonly ScriptedX64Vcpu? _x64;
    private readonly ScriptedArm64Vcpu? _arm64;
    private readonly byte[] _fault = new byte[1];
    private byte[] _data = [];
    private ScriptedAnswer? _pending;
    private int _position;
    private bool _hasEnded;
    private int _inside;
    private volatile bool _disposed;

    internal ScriptedVcpuBackend(ScriptedPartitionBackend partition, VcpuScript script)
    {
        Partition = partition;
        _script = script;
        if (partition.Backend.Capabilities.Architecture == GuestArchitecture.X64)
        {
            _x64 = new ScriptedX64Vcpu(partition, script);
        }
        else
        {
            _arm64 = new ScriptedArm64Vcpu(partition, script);
        }
    }

    public override X64VcpuBackend? X64 => _x64;

    public override Arm64VcpuBackend? Arm64 => _arm64;

    internal ScriptedPartitionBackend Partition { get; }

    /// <summary>The byte that refuses an access to a system register.</summary>
    internal Span<byte> Fault => _fault;

    public override void Enter(out VcpuExit exit)
    {
        if (_disposed || Interlocked.Exchange(ref _inside, 1) != 0)
        {
            throw new InvalidOperationException($"Contract: vCPU {_script.Index} was entered after its disposal, or by two threads at once.");
        }

        try
        {
            _script.Entries++;
            CompleteAccess();
            Partition.Backend.Begin(ScriptedOperation.Enter);
            Play(out exit);
        }
        finally
        {
            Volatile.Write(ref _inside, 0);
        }
    }

    public override void AnswerAccess(ReadOnlySpan<byte> data, bool isFaulted)
    {
        if (data.Length != _data.Length)
        {
            throw new InvalidOperationException($"Contract: an exit of {_data.Length} bytes was answered with {data.Length}.");
        }

        data.CopyTo(_data);
        if (isFaulted)
        {
            _fault[0] = 1;
        }
    }

    public override void Kick()
    {
        if (_disposed)
        {
            throw new InvalidOperationException($"Contract: vCPU {_script.Index} was kicked after its disposal.");
        }

        _script.CountKick();
        _kicked.Set();
    }

    public override void SetDebug(VcpuDebugOptions options)
    {
        Partition.Backend.Begin(ScriptedOperation.SetDebug);
        _script.Debugging = options;
    }

    public override void Dispose()
    {
        if (_disposed || Volatile.Read(ref _inside) != 0)
        {
            throw new InvalidOperationException($"Contract: vCPU {_script.Index} was disposed of twice, or while it was entered.");
        }

        _disposed = true;
        Partition.Record.CountVcpu(-1);

        // The guest's memory of the host's exit block is gone, as it is on a real host: nobody may look at it any more.
        _data.AsSpan().Fill(Stale);
    }

    /// <summary>Opens an access that the next entry completes.</summary>
    internal Span<byte> BeginRead(int length, ScriptedAnswer answer)
    {
        _data = new byte[length];
        _data.AsSpan().Fill(Stale);
        _fault[0] = 0;
        _pending = answer;
        return _data;
    }

    /// <summary>The exit block of a write: a copy, so that no handler can change the script.</summary>
    internal Span<byte> BeginWrite(byte[] data) => _data = [.. data];

    internal void WaitForKick()
    {
        TimeSpan limit = Partition.Backend.WaitLimit;
        if (!_kicked.Wait(limit))
        {
            throw new TimeoutException($"The script of vCPU {_script.Index} waits for a cancellation, and none came within {limit}.");
        }

        _kicked.Reset();
    }

    private void CompleteAccess()
    {
        _pending?.Give([.. _data], _fault[0] != 0);
        _pending = null;
    }

    private void Play(out VcpuExit exit)
    {
        while (true)
        {
            bool exists = _script.TryGetStep(_position, out ScriptStep step);
            if (!step.ContinuesInstruction && _kicked.IsSet)
            {
                _kicked.Reset();
                exit = ExitFactory.Plain(VcpuExitKind.Canceled);
                return;
            }

            if (!exists)
            {
                End(out exit);
                return;
            }

            _position++;
            _x64?.OnEntry();
            if (step.Play(this, out exit))
            {
                return;
            }
        }
    }

    private void End(out VcpuExit exit)
    {
        if (_hasEnded)
        {
            throw new InvalidOperationException(
                $"The script of vCPU {_script.Index} has ended, with its {_position} steps and a halt, and the vCPU was run again. Add steps, or do not run it.");
        }

        _hasEnded = true;
        exit = ExitFactory.Plain(VcpuExitKind.Halt);
    }
}
