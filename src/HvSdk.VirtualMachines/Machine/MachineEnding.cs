using HvSdk.Devices;

namespace HvSdk.VirtualMachines;

/// <summary>How a machine ends: the first who says so decides. What devices call, and the machine itself.</summary>
internal sealed class MachineEnding : IMachineControl
{
    private readonly object _gate = new();
    private Action? _onDecided;

    /// <summary>The end, once it is decided.</summary>
    public MachineEnd? End { get; private set; }

    public bool IsDecided => Volatile.Read(ref _isDecided);

    private bool _isDecided;

    /// <summary>Has something called when the end is decided; at once where it is.</summary>
    public void OnDecided(Action action)
    {
        lock (_gate)
        {
            if (!_isDecided)
            {
                _onDecided += action;
                return;
            }
        }

        action();
    }

    public bool TryDecide(MachineEnd end)
    {
        Action? actions;
        lock (_gate)
        {
            if (_isDecided)
            {
                return false;
            }

            End = end;
            Volatile.Write(ref _isDecided, true);
            actions = _onDecided;
            _onDecided = null;
        }

        actions?.Invoke();
        return true;
    }

    public void PowerOff() => TryDecide(new MachineEnd { Kind = MachineEndKind.PoweredOff, Reason = "The guest switched the machine off." });

    public void Reset() => TryDecide(new MachineEnd { Kind = MachineEndKind.Reset, Reason = "The guest reset the machine." });

    public void ReportPanic() => TryDecide(new MachineEnd { Kind = MachineEndKind.Panicked, Reason = "The guest's operating system reported a panic." });

    public void Exit(int code) => TryDecide(new MachineEnd
    {
        Kind = MachineEndKind.Exited,
        Reason = FormattableString.Invariant($"The guest ended the machine with {code}."),
        ExitCode = code,
    });
}
