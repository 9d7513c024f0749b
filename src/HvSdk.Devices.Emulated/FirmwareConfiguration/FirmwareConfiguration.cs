using System.Buffers.Binary;
using System.Text;

namespace HvSdk.Devices.Emulated;

/// <summary>QEMU's firmware configuration device, fw_cfg, at I/O ports: named blobs for firmware and operating systems. Any thread may call.</summary>
/// <remarks>
/// Source: "QEMU Firmware Configuration (fw_cfg) Device", docs/specs/fw_cfg of QEMU. Items are added before the guest looks at the device for the
/// first time; from then on their keys stand. Writing goes by DMA alone, as the specification has it since QEMU 2.9. A DMA read may go beyond the item
/// by 1 MiB, which gives zeros; one that goes further is refused with the error bit, so that a transfer takes no longer than its item is large.
/// </remarks>
public sealed partial class FirmwareConfiguration : IPlatformDevice, IBusDevice
{
    private const int PortCount = 12;
    private const int SelectorOffset = 0;
    private const int DataOffset = 1;
    private const int DmaOffset = 4;

    // Bit 14 of a key asks for writing; bit 15 makes it the architecture's own ("Selector (Control) Register").
    private const ushort WriteBit = 0x4000;
    private const int EndOfFiles = 0x4000;
    private const int DirectoryEntrySize = 64;
    private const int LongestName = 55;
    private const uint TraditionalInterface = 1;
    private const uint DmaInterface = 2;

    private readonly Lock _gate = new();
    private readonly Dictionary<ushort, FirmwareItem> _items = [];
    private readonly List<FirmwareItem> _files = [];
    private bool _isFixed;
    private ushort _selected;
    private FirmwareItem? _item;
    private int _offset;

    /// <summary>The first of twelve ports: selector at 0, data at 1, DMA address at 4.</summary>
    public ushort Port { get; init; } = 0x510;

    /// <summary>Offers the DMA interface. It needs the guest's memory: of the machine, or of <see cref="Connect"/>.</summary>
    public bool HasDma { get; init; } = true;

    /// <summary>Adds an item under a key of <see cref="FirmwareConfigurationKey"/>.</summary>
    /// <param name="key">The key, below 0x20, or 0x8000 and above with bit 14 clear; none of the device's own.</param>
    /// <param name="content">The bytes, which are not copied.</param>
    /// <exception cref="ArgumentException">The key is taken, or not to be had.</exception>
    /// <exception cref="InvalidOperationException">The guest has looked at the device.</exception>
    public void Add(ushort key, ReadOnlyMemory<byte> content)
    {
        bool isOwn = key is FirmwareConfigurationKey.Signature or FirmwareConfigurationKey.Id or FirmwareConfigurationKey.FileDirectory;
        bool isFile = key is >= FirmwareConfigurationKey.FirstFile and < 0x8000;
        if (isOwn || isFile || (key & WriteBit) != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(key), key, $"Key 0x{key:X} is not to be had: it is the device's own, a named item's, or has bit 14 set.");
        }

        lock (_gate)
        {
            ThrowIfFixed();
            if (!_items.TryAdd(key, new FirmwareItem(null, content)))
            {
                throw new ArgumentException($"Key 0x{key:X} is taken.", nameof(key));
            }
        }
    }

    /// <summary>Adds a named item.</summary>
    /// <param name="name">The name, 1 to 55 ASCII characters, such as "etc/acpi/tables" or "opt/org.example/thing".</param>
    /// <param name="content">The bytes, which are not copied.</param>
    /// <exception cref="ArgumentException">The name is taken, or not one.</exception>
    /// <exception cref="InvalidOperationException">The guest has looked at the device.</exception>
    public void Add(string name, ReadOnlyMemory<byte> content) => AddFile(new FirmwareItem(name, content));

    /// <summary>Adds a named item that the guest may write.</summary>
    /// <param name="name">The name, 1 to 55 ASCII characters.</param>
    /// <param name="initial">What it holds at first; its size stays.</param>
    /// <param name="written">
    /// Called with all of the item after each write, on the thread of the vCPU, with the device's lock held: it copies what it needs and returns.
    /// </param>
    /// <exception cref="ArgumentException">The name is taken, or not one.</exception>
    /// <exception cref="InvalidOperationException">The guest has looked at the device.</exception>
    public void AddWritable(string name, ReadOnlyMemory<byte> initial, Action<ReadOnlyMemory<byte>> written)
    {
        ArgumentNullException.ThrowIfNull(written);
        AddFile(new FirmwareItem(name, initial.ToArray(), written));
    }

    /// <summary>Gives the device the guest's memory, where it is not in a machine.</summary>
    /// <param name="memory">The memory.</param>
    public void Connect(GuestMemory memory)
    {
        ArgumentNullException.ThrowIfNull(memory);
        lock (_gate)
        {
            _memory = memory;
        }
    }

    /// <inheritdoc/>
    public void Attach(IDeviceSlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        slot.MapPorts(Port, PortCount, this);
        slot.OnConnected(partition => Connect(partition.Memory));
        slot.Acpi = new AcpiIdentity { HardwareId = "QEMU0002", Name = "FWCF" };
    }

    /// <inheritdoc/>
    public void Read(ulong offset, Span<byte> data)
    {
        data.Clear();
        lock (_gate)
        {
            if (offset == DataOffset)
            {
                data[0] = ReadData();
            }
            else if (offset is >= DmaOffset and < PortCount && HasDma)
            {
                // Reading the DMA address gives "QEMU CFG" ("Guest-side DMA Interface").
                ReadOnlySpan<byte> signature = "QEMU CFG"u8;
                for (int i = 0; i < data.Length && offset + (uint)i < PortCount; i++)
                {
                    data[i] = signature[(int)offset - DmaOffset + i];
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        lock (_gate)
        {
            if (offset == SelectorOffset && data.Length >= sizeof(ushort))
            {
                Select(BinaryPrimitives.ReadUInt16LittleEndian(data));
            }
            else if (HasDma)
            {
                WriteDmaAddress(offset, data);
            }
        }
    }

    /// <summary>Takes the state out.</summary>
    public FirmwareConfigurationState SaveState()
    {
        lock (_gate)
        {
            return new FirmwareConfigurationState
            {
                Selected = _selected,
                Offset = _offset,
                DmaAddressHigh = _dmaAddressHigh,
                Written = _files.Where(static file => file.IsWritable).ToDictionary(static file => file.Name!, static file => file.Content.ToArray()),
            };
        }
    }

    /// <summary>Puts a state in. Items are as they were when it was taken: added anew by the caller.</summary>
    /// <param name="state">The state.</param>
    /// <exception cref="ArgumentException">It is not one of these items; the text names the field.</exception>
    public void LoadState(FirmwareConfigurationState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        lock (_gate)
        {
            foreach ((string name, byte[] content) in state.Written)
            {
                FirmwareItem file = FindWritable(name)
                    ?? throw new ArgumentException($"{nameof(state.Written)} has an item \"{name}\", and the device has no writable one.", nameof(state));
                StateField.Require(content.Length, file.Content.Length, file.Content.Length, $"{nameof(state.Written)}[\"{name}\"].Length");
            }

            Fix();
            int length = _items.GetValueOrDefault((ushort)(state.Selected & ~WriteBit))?.Content.Length ?? 0;
            StateField.Require(state.Offset, 0, length, nameof(state.Offset));
            foreach ((string name, byte[] content) in state.Written)
            {
                content.CopyTo(FindWritable(name)!.Writable);
            }

            Select(state.Selected);
            _offset = state.Offset;
            _dmaAddressHigh = state.DmaAddressHigh;
        }
    }

    private FirmwareItem? FindWritable(string name) => _files.Find(file => file.IsWritable && file.Name == name);

    private void AddFile(FirmwareItem file)
    {
        string name = file.Name ?? throw new ArgumentNullException(nameof(file));
        if (name.Length is 0 or > LongestName || !Ascii.IsValid(name) || name.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException($"\"{name}\" is not the name of an item: it has 1 to {LongestName} ASCII characters.", nameof(file));
        }

        lock (_gate)
        {
            ThrowIfFixed();
            if (_files.Exists(other => other.Name == name))
            {
                throw new ArgumentException($"The name \"{name}\" is taken.", nameof(file));
            }

            if (_files.Count == EndOfFiles - FirmwareConfigurationKey.FirstFile)
            {
                throw new InvalidOperationException($"The device holds {_files.Count} named items, and there are no more keys.");
            }

            _files.Add(file);
        }
    }

    private void ThrowIfFixed()
    {
        if (_isFixed)
        {
            throw new InvalidOperationException("The guest has looked at the device, so its items stand. Add them before the machine runs.");
        }
    }

    /// <summary>Gives the named items their keys, in the order of their names, and writes the directory ("File Directory").</summary>
    private void Fix()
    {
        if (_isFixed)
        {
            return;
        }

        _isFixed = true;
        _files.Sort(static (x, y) => string.CompareOrdinal(x.Name, y.Name));
        byte[] directory = new byte[sizeof(uint) + (_files.Count * DirectoryEntrySize)];
        BinaryPrimitives.WriteUInt32BigEndian(directory, (uint)_files.Count);
        for (int i = 0; i < _files.Count; i++)
        {
            ushort key = (ushort)(FirmwareConfigurationKey.FirstFile + i);
            _items.Add(key, _files[i]);
            Span<byte> entry = directory.AsSpan(sizeof(uint) + (i * DirectoryEntrySize), DirectoryEntrySize);
            BinaryPrimitives.WriteUInt32BigEndian(entry, (uint)_files[i].Content.Length);
            BinaryPrimitives.WriteUInt16BigEndian(entry[4..], key);
            Encoding.ASCII.GetBytes(_files[i].Name!, entry[8..]);
        }

        byte[] id = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(id, TraditionalInterface | (HasDma ? DmaInterface : 0));
        _items.Add(FirmwareConfigurationKey.Signature, new FirmwareItem(null, "QEMU"u8.ToArray()));
        _items.Add(FirmwareConfigurationKey.Id, new FirmwareItem(null, id));
        _items.Add(FirmwareConfigurationKey.FileDirectory, new FirmwareItem(null, directory));
    }

    private void Select(ushort key)
    {
        Fix();
        _selected = key;
        _offset = 0;
        _item = _items.GetValueOrDefault((ushort)(key & ~WriteBit));
    }

    private byte ReadData()
    {
        if (!_isFixed)
        {
            Select(_selected);
        }

        return _item is not null && _offset < _item.Content.Length ? _item.Content.Span[_offset++] : (byte)0;
    }
}
