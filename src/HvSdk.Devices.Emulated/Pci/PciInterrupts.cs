namespace HvSdk.Devices.Emulated;

/// <summary>How a function signals: its pin, and its messages, of which the guest enables one.</summary>
/// <remarks>
/// It has a lock of its own, the innermost but for those of lines and chips: a device signals with its own locks held, and is called with its function's.
/// </remarks>
internal sealed class PciInterrupts : IInterruptLine
{
    private readonly Lock _gate = new();
    private IInterruptLine? _line;
    private PciMsiXTable? _messages;
    private bool _isDisabled;
    private bool _isPinAsserted;
    private bool _isLineAsserted;
    private volatile bool _isBusMaster;

    public bool IsBusMaster => _isBusMaster;

    /// <summary>The function asks for service by its pin: the Interrupt Status bit (PCI 3.0, 6.2.3), whatever becomes of it.</summary>
    public bool IsPinAsserted
    {
        get
        {
            lock (_gate)
            {
                return _isPinAsserted;
            }
        }
    }

    /// <summary>Leads the pin to a line.</summary>
    public void Connect(IInterruptLine line)
    {
        lock (_gate)
        {
            _line = line;
            UpdateLine();
        }
    }

    public PciMsiXTable UseMessages(int vectors) => _messages = new PciMsiXTable(vectors, _gate);

    /// <summary>The device sets its pin.</summary>
    public void Set(bool asserted)
    {
        lock (_gate)
        {
            _isPinAsserted = asserted;
            UpdateLine();
        }
    }

    /// <summary>The guest has written to the registers that decide.</summary>
    /// <param name="command">The command register.</param>
    /// <param name="messageControl">Message Control of MSI-X, or 0.</param>
    public void Control(ushort command, ushort messageControl)
    {
        lock (_gate)
        {
            _isBusMaster = (command & PciHeader.BusMaster) != 0;
            _isDisabled = (command & PciHeader.InterruptDisable) != 0;
            _messages?.Control(messageControl, _isBusMaster);
            UpdateLine();
        }
    }

    /// <summary>Says where messages go; null: nowhere any more.</summary>
    public void SetTarget(InterruptController? target, PciMemoryWindow addresses)
    {
        lock (_gate)
        {
            _messages?.SetTarget(target, addresses);
        }
    }

    /// <summary>The table of messages and its pending bits; empty where there are none.</summary>
    public (byte[] Table, ulong[] Pending) SaveMessages()
    {
        lock (_gate)
        {
            return _messages?.Save() ?? ([], []);
        }
    }

    /// <summary>Puts them back, held back until the registers that decide are looked at anew.</summary>
    public void LoadMessages(ReadOnlySpan<byte> table, ReadOnlySpan<ulong> pending)
    {
        lock (_gate)
        {
            _messages?.Load(table, pending);
        }
    }

    private void UpdateLine()
    {
        // A function whose messages are enabled must not use its pin (PCI 3.0, 6.8.3.3).
        bool asserted = _isPinAsserted && !_isDisabled && _messages is not { IsEnabled: true };
        if (asserted != _isLineAsserted && _line is { } line)
        {
            _isLineAsserted = asserted;
            line.Set(asserted);
        }
    }
}
