using static HvSdk.Devices.Emulated.GicBits;

namespace HvSdk.Devices.Emulated;

/// <summary>The state of some interrupts, 32 to a word: those of one processor, or those that all share. Its owner holds the GIC's lock.</summary>
internal sealed class GicInterrupts
{
    private const int PrioritiesPerWord = 4;
    private const int ConfigurationsPerWord = 16;

    private readonly uint[] _groups;
    private readonly uint[] _enabled;
    private readonly uint[] _latched;
    private readonly uint[] _lines;
    private readonly uint[] _active;
    private readonly uint[] _edges;
    private readonly byte[] _priorities;

    /// <summary>Bits of the first word that are edge-triggered for good: the SGIs.</summary>
    private readonly uint _fixedEdges;

    public GicInterrupts(int words, uint fixedEdges)
    {
        _groups = new uint[words];
        _enabled = new uint[words];
        _latched = new uint[words];
        _lines = new uint[words];
        _active = new uint[words];
        _edges = new uint[words];
        _priorities = new byte[words * WordBits];
        _fixedEdges = fixedEdges;
        _edges[0] = fixedEdges;
    }

    public int Words => _groups.Length;

    /// <summary>Interrupts of a word that may be forwarded, of the groups that are on.</summary>
    public uint Candidates(int word, bool group0, bool group1)
    {
        uint groups = (group0 ? ~_groups[word] : 0) | (group1 ? _groups[word] : 0);
        return Pending(word) & _enabled[word] & ~_active[word] & groups;
    }

    public byte PriorityOf(int index) => _priorities[index];

    public bool IsGroup1(int index) => (_groups[index / WordBits] & Bit(index)) != 0;

    /// <summary>A level, or an edge where it rises (4.1.2).</summary>
    public void SetLine(int index, bool asserted)
    {
        int word = index / WordBits;
        uint bit = Bit(index);
        if (asserted && (_lines[word] & bit) == 0 && (_edges[word] & bit) != 0)
        {
            _latched[word] |= bit;
        }

        _lines[word] = asserted ? _lines[word] | bit : _lines[word] & ~bit;
    }

    public void Latch(int index) => _latched[index / WordBits] |= Bit(index);

    /// <summary>A processor has taken it.</summary>
    public void Activate(int index)
    {
        _active[index / WordBits] |= Bit(index);
        _latched[index / WordBits] &= ~Bit(index);
    }

    public void Deactivate(int index) => _active[index / WordBits] &= ~Bit(index);

    /// <summary>Reads a register of the offsets that both frames have. What is not there is zero.</summary>
    /// <param name="offset">The offset, a multiple of 4.</param>
    /// <param name="skipped">Words of other interrupts before these.</param>
    public uint Read(uint offset, int skipped)
    {
        switch (offset)
        {
            case >= Group and < Priority:
                int word = WordAt(offset, skipped);
                return word < 0 ? 0 : (offset & ~0x7Fu) switch
                {
                    Group => _groups[word],
                    SetEnable or ClearEnable => _enabled[word],
                    SetPending or ClearPending => Pending(word),
                    _ => _active[word],
                };
            case >= Priority and < PriorityEnd:
                uint priorities = 0;
                for (uint i = 0; i < PrioritiesPerWord; i++)
                {
                    priorities |= (uint)ReadPriority(offset + i, skipped) << (int)(8 * i);
                }

                return priorities;
            case >= Configuration and < ConfigurationEnd:
                return ReadConfiguration(offset, skipped);
            default:
                return 0;
        }
    }

    /// <summary>Writes a register of the offsets that both frames have. What is not there vanishes.</summary>
    public void Write(uint offset, int skipped, uint value)
    {
        switch (offset)
        {
            case >= Group and < Priority:
                int word = WordAt(offset, skipped);
                if (word >= 0)
                {
                    WriteWord(offset & ~0x7Fu, word, value);
                }

                break;
            case >= Priority and < PriorityEnd:
                for (uint i = 0; i < PrioritiesPerWord; i++)
                {
                    WritePriority(offset + i, skipped, (byte)(value >> (int)(8 * i)));
                }

                break;
            case >= Configuration and < ConfigurationEnd:
                WriteConfiguration(offset, skipped, value);
                break;
        }
    }

    /// <summary>One byte of the priorities.</summary>
    public byte ReadPriority(uint offset, int skipped)
    {
        int index = (int)(offset - Priority) - (skipped * WordBits);
        return (uint)index < (uint)_priorities.Length ? _priorities[index] : (byte)0;
    }

    public void WritePriority(uint offset, int skipped, byte value)
    {
        int index = (int)(offset - Priority) - (skipped * WordBits);
        if ((uint)index < (uint)_priorities.Length)
        {
            _priorities[index] = (byte)(value & PriorityMask);
        }
    }

    public GicV3InterruptsState Save() => new()
    {
        Groups = [.. _groups],
        Enabled = [.. _enabled],
        Latched = [.. _latched],
        Lines = [.. _lines],
        Active = [.. _active],
        Edges = [.. _edges],
        Priorities = [.. _priorities],
    };

    /// <summary>Puts a state in that <see cref="Check"/> has found good.</summary>
    public void Load(GicV3InterruptsState state)
    {
        for (int word = 0; word < Words; word++)
        {
            _groups[word] = state.Groups[word];
            _enabled[word] = state.Enabled[word];
            _latched[word] = state.Latched[word];
            _lines[word] = state.Lines[word];
            _active[word] = state.Active[word];
            _edges[word] = state.Edges[word] | (word == 0 ? _fixedEdges : 0);
        }

        for (int i = 0; i < _priorities.Length; i++)
        {
            _priorities[i] = (byte)(state.Priorities[i] & PriorityMask);
        }
    }

    public void Check(GicV3InterruptsState? state, string name)
    {
        if (state is null)
        {
            throw new ArgumentException($"{name} is missing.", name);
        }

        StateField.RequireCount(state.Groups, Words, $"{name}.{nameof(state.Groups)}");
        StateField.RequireCount(state.Enabled, Words, $"{name}.{nameof(state.Enabled)}");
        StateField.RequireCount(state.Latched, Words, $"{name}.{nameof(state.Latched)}");
        StateField.RequireCount(state.Lines, Words, $"{name}.{nameof(state.Lines)}");
        StateField.RequireCount(state.Active, Words, $"{name}.{nameof(state.Active)}");
        StateField.RequireCount(state.Edges, Words, $"{name}.{nameof(state.Edges)}");
        StateField.RequireCount(state.Priorities, _priorities.Length, $"{name}.{nameof(state.Priorities)}");
    }

    private static uint Bit(int index) => 1u << (index % WordBits);

    private uint Pending(int word) => _latched[word] | (_lines[word] & ~_edges[word]);

    private int WordAt(uint offset, int skipped)
    {
        int word = (int)((offset & 0x7F) / sizeof(uint)) - skipped;
        return (uint)word < (uint)Words ? word : -1;
    }

    private void WriteWord(uint register, int word, uint value)
    {
        switch (register)
        {
            case Group:
                _groups[word] = value;
                break;
            case SetEnable:
                _enabled[word] |= value;
                break;
            case ClearEnable:
                _enabled[word] &= ~value;
                break;
            case SetPending:
                _latched[word] |= value;
                break;
            case ClearPending: // a level that is asserted stays pending
                _latched[word] &= ~value;
                break;
            case SetActive:
                _active[word] |= value;
                break;
            case ClearActive:
                _active[word] &= ~value;
                break;
        }
    }

    /// <summary>Two bits for each interrupt, the upper one says edge (12.9.9).</summary>
    private uint ReadConfiguration(uint offset, int skipped)
    {
        int first = (int)((offset - Configuration) / sizeof(uint) * ConfigurationsPerWord) - (skipped * WordBits);
        uint value = 0;
        for (int i = 0; i < ConfigurationsPerWord; i++)
        {
            int index = first + i;
            if ((uint)index < (uint)_priorities.Length && (_edges[index / WordBits] & Bit(index)) != 0)
            {
                value |= 2u << (2 * i);
            }
        }

        return value;
    }

    private void WriteConfiguration(uint offset, int skipped, uint value)
    {
        int first = (int)((offset - Configuration) / sizeof(uint) * ConfigurationsPerWord) - (skipped * WordBits);
        for (int i = 0; i < ConfigurationsPerWord; i++)
        {
            int index = first + i;
            if ((uint)index < (uint)_priorities.Length && (index >= WordBits || (_fixedEdges & Bit(index)) == 0))
            {
                ref uint edges = ref _edges[index / WordBits];
                edges = (value & (2u << (2 * i))) != 0 ? edges | Bit(index) : edges & ~Bit(index);
            }
        }
    }
}
