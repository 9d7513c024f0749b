namespace HvSdk.Devices.Emulated;

/// <summary>One 8259A (Intel 8259A data sheet, order number 231468), in 8086 mode. Its owner locks.</summary>
internal sealed partial class Pic8259A
{
    /// <summary>Of the master: where the slave's INT arrives, on a PC.</summary>
    internal const int CascadeInput = 2;

    private const int SpuriousInput = 7;
    private const int Operating = 0;
    private const int Icw2 = 2;
    private const int Icw3 = 3;
    private const int Icw4 = 4;

    private readonly bool _isMaster;
    private readonly byte _levelCapable;
    private byte _requests;
    private byte _inService;
    private byte _mask = byte.MaxValue;
    private byte _lines;
    private byte _edgeLevel;
    private byte _vectorBase;
    private int _lowest = SpuriousInput;
    private int _step = Operating;
    private bool _allLevel;
    private bool _isSingle;
    private bool _expectsIcw4;
    private bool _autoEnd;
    private bool _rotatesOnAutoEnd;
    private bool _specialMask;
    private bool _fullyNested;
    private bool _polls;
    private bool _readsInService;

    /// <param name="isMaster">The one that the CPU's INTR is connected to.</param>
    /// <param name="levelCapable">The inputs that its ELCR can make level-triggered.</param>
    internal Pic8259A(bool isMaster, byte levelCapable)
    {
        _isMaster = isMaster;
        _levelCapable = levelCapable;
    }

    /// <summary>The edge/level control register of this chip (Intel 82371SB, 2.5.4.1): a bit makes its input level-triggered.</summary>
    internal byte EdgeLevel
    {
        get => _edgeLevel;
        set
        {
            _edgeLevel = (byte)(value & _levelCapable);
            FollowLevels();
        }
    }

    /// <summary>The input that INT is raised for, or -1: the priority resolver ("Interrupt Sequence", "Fully Nested Mode").</summary>
    internal int Pending
    {
        get
        {
            int requests = _requests & ~_mask;
            if (_step != Operating || requests == 0)
            {
                return -1;
            }

            // "Special Mask Mode": an input in service that is masked no longer holds back others.
            int serving = _inService & ~(_specialMask ? _mask : 0);
            int request = Highest(requests);
            if (serving == 0)
            {
                return request;
            }

            int served = Highest(serving);
            bool isHigher = Rank(request) < Rank(served);

            // "The Special Fully Nested Mode": a slave in service is not locked out by its own input of the master.
            return isHigher || (_fullyNested && _isMaster && request == CascadeInput && served == CascadeInput) ? request : -1;
        }
    }

    private int LevelInputs => _allLevel ? byte.MaxValue : _edgeLevel;

    /// <summary>
    /// An edge is kept until it is acknowledged, also where the input falls before: interrupt lines of emulated devices may be pulsed. (The data
    /// sheet wants the input high until INTA, "Edge and Level Triggered Modes".) A level is not kept.
    /// </summary>
    internal void SetInput(int input, bool asserted)
    {
        int bit = 1 << input;
        if (asserted && (_lines & bit) == 0 && (LevelInputs & bit) == 0)
        {
            _requests |= (byte)bit;
        }

        _lines = (byte)(asserted ? _lines | bit : _lines & ~bit);
        FollowLevels();
    }

    /// <summary>INTA: the input goes into service.</summary>
    /// <param name="input">The input, of <see cref="Pending"/>, or -1: the request has gone, and input 7 answers without going into service.</param>
    /// <returns>The vector.</returns>
    internal byte Acknowledge(int input)
    {
        if (input < 0)
        {
            return (byte)(_vectorBase | SpuriousInput);
        }

        int bit = 1 << input;
        if ((LevelInputs & bit) == 0)
        {
            _requests &= (byte)~bit;
        }

        // "Automatic End of Interrupt (AEOI) Mode".
        if (!_autoEnd)
        {
            _inService |= (byte)bit;
        }
        else if (_rotatesOnAutoEnd)
        {
            _lowest = input;
        }

        return (byte)(_vectorBase | input);
    }

    /// <returns>The register; <paramref name="isAcknowledge"/>: the read was a poll that has put an input into service.</returns>
    internal byte Read(int address, out bool isAcknowledge)
    {
        isAcknowledge = false;
        if (!_polls)
        {
            return address != 0 ? _mask : _readsInService ? _inService : _requests;
        }

        // "Poll Command": the next read acknowledges. I in bit 7, the input in bits 2 to 0.
        _polls = false;
        int input = Pending;
        if (input < 0)
        {
            return 0;
        }

        isAcknowledge = true;
        Acknowledge(input);
        return (byte)(0x80 | input);
    }

    internal void Write(int address, byte value)
    {
        if (address != 0)
        {
            WriteData(value);
        }
        else if ((value & 0x10) != 0)
        {
            Initialize(value);
        }
        else if ((value & 0x08) != 0)
        {
            WriteOcw3(value);
        }
        else
        {
            WriteOcw2(value);
        }
    }

    /// <summary>ICW1 ("Initialization Command Words 1 and 2": what it resets).</summary>
    private void Initialize(byte value)
    {
        _requests = 0;
        _inService = 0;
        _mask = 0;
        _lowest = SpuriousInput;
        _specialMask = false;
        _readsInService = false;
        _polls = false;
        _autoEnd = false;
        _rotatesOnAutoEnd = false;
        _fullyNested = false;
        _allLevel = (value & 0x08) != 0;
        _isSingle = (value & 0x02) != 0;
        _expectsIcw4 = (value & 0x01) != 0;
        _step = Icw2;
        FollowLevels();
    }

    private void WriteData(byte value)
    {
        switch (_step)
        {
            case Icw2:
                _vectorBase = (byte)(value & 0xF8);
                _step = !_isSingle ? Icw3 : _expectsIcw4 ? Icw4 : Operating;
                break;
            case Icw3: // how the chips are wired, which on a PC is fixed
                _step = _expectsIcw4 ? Icw4 : Operating;
                break;
            case Icw4:
                _autoEnd = (value & 0x02) != 0;
                _fullyNested = (value & 0x10) != 0;
                _step = Operating;
                break;
            default: // OCW1
                _mask = value;
                break;
        }
    }

    /// <summary>OCW2: R, SL, EOI in bits 7 to 5 ("Operation Command Word 2", figure 8).</summary>
    private void WriteOcw2(byte value)
    {
        int level = value & 7;
        switch (value >> 5)
        {
            case 0: // clear rotate in automatic EOI mode
            case 4: // set it
                _rotatesOnAutoEnd = value >> 5 == 4;
                break;
            case 1: // nonspecific EOI
            case 5: // rotate on nonspecific EOI
                // In special mask mode a masked input is not ended by it.
                int candidates = _inService & ~(_specialMask ? _mask : 0);
                if (candidates != 0)
                {
                    End(Highest(candidates), rotate: value >> 5 == 5);
                }

                break;
            case 3: // specific EOI
            case 7: // rotate on specific EOI
                End(level, rotate: value >> 5 == 7);
                break;
            case 6: // set priority
                _lowest = level;
                break;
            default: // no operation
                break;
        }
    }

    private void End(int input, bool rotate)
    {
        _inService &= (byte)~(1 << input);
        if (rotate)
        {
            _lowest = input;
        }
    }

    /// <summary>OCW3: ESMM, SMM, P, RR, RIS ("Operation Command Word 3").</summary>
    private void WriteOcw3(byte value)
    {
        _polls = (value & 0x04) != 0;
        if ((value & 0x02) != 0)
        {
            _readsInService = (value & 0x01) != 0;
        }

        if ((value & 0x40) != 0)
        {
            _specialMask = (value & 0x20) != 0;
        }
    }

    private void FollowLevels() => _requests = (byte)((_requests & ~LevelInputs) | (_lines & LevelInputs));

    /// <summary>0: the highest priority.</summary>
    private int Rank(int input) => (input - _lowest - 1) & 7;

    private int Highest(int inputs)
    {
        int first = (_lowest + 1) & 7;
        return (byte.TrailingZeroCount(byte.RotateRight((byte)inputs, first)) + first) & 7;
    }
}
