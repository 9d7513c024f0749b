namespace HvSdk.VirtualMachines;

/// <summary>One interrupt line of a machine with all devices on it: asserted while any of them asserts it.</summary>
/// <remarks>Devices get it before there is anything to lead to; what they set until then takes effect when it is connected.</remarks>
internal sealed class InterruptWire
{
    private readonly object _gate = new();
    private int _asserted;
    private IInterruptLine? _target;

    /// <summary>A device's end of the wire.</summary>
    public IInterruptLine AddSource() => new Source(this);

    /// <summary>Leads the wire somewhere.</summary>
    public void Connect(IInterruptLine target)
    {
        lock (_gate)
        {
            _target = target;
            if (_asserted > 0)
            {
                target.Set(true);
            }
        }
    }

    /// <summary>Leads the wire nowhere: devices may outlive the partition.</summary>
    public void Disconnect()
    {
        lock (_gate)
        {
            _target = null;
        }
    }

    private void Change(ref bool level, bool asserted)
    {
        // Under the lock to the end: two devices must not overtake each other on the way to the target.
        lock (_gate)
        {
            if (level == asserted)
            {
                return;
            }

            level = asserted;
            _asserted += asserted ? 1 : -1;
            if (_asserted == (asserted ? 1 : 0))
            {
                _target?.Set(asserted);
            }
        }
    }

    private sealed class Source(InterruptWire wire) : IInterruptLine
    {
        private bool _level;

        public void Set(bool asserted) => wire.Change(ref _level, asserted);
    }
}
