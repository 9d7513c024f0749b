using HvSdk.Devices;

namespace HvSdk.Boot;

/// <summary>A node of a <see cref="DeviceTree"/>: its properties and its children, in the order in which they were added.</summary>
public sealed class DeviceTreeNode
{
    /// <summary>Guests walk trees with stacks of their own: Linux goes 64 deep.</summary>
    private const int MaxDepth = 63;

    private const string PhandleName = "phandle";

    private readonly DeviceTree _tree;
    private readonly int _depth;
    private readonly List<KeyValuePair<string, DeviceTreeValue>> _properties = [];
    private readonly List<DeviceTreeNode> _children = [];
    private uint _phandle;

    internal DeviceTreeNode(DeviceTree tree, string name, int depth)
    {
        _tree = tree;
        _depth = depth;
        Name = name;
    }

    /// <summary>Its name with its unit address: "serial@9000000"; empty for the root.</summary>
    public string Name { get; }

    /// <summary>Its properties.</summary>
    public IReadOnlyList<KeyValuePair<string, DeviceTreeValue>> Properties => _properties;

    /// <summary>Its children.</summary>
    public IReadOnlyList<DeviceTreeNode> Children => _children;

    /// <summary>The number by which other nodes name this one (Devicetree Specification 0.4, 2.3.3). It gets one when it is first asked for.</summary>
    public uint Phandle
    {
        get
        {
            if (_phandle == 0)
            {
                _phandle = _tree.NextPhandle();
                _properties.Add(new(PhandleName, DeviceTreeValue.Of(_phandle)));
            }

            return _phandle;
        }
    }

    /// <summary>Adds a child.</summary>
    /// <param name="name">Its name: 1 to 31 characters, a letter first, then an @ and its unit address where it has one (Devicetree Specification 0.4, 2.2.1).</param>
    /// <returns>The child.</returns>
    /// <exception cref="ArgumentException">The name is none, or a child has it.</exception>
    /// <exception cref="InvalidOperationException">The node lies 63 deep, and guests go no deeper.</exception>
    public DeviceTreeNode Add(string name)
    {
        DeviceTreeNames.RequireNode(name);
        if (Find(name) is not null)
        {
            throw new ArgumentException($"{Describe()} has a child \"{name}\" already. Give this one another unit address.", nameof(name));
        }

        if (_depth == MaxDepth)
        {
            throw new InvalidOperationException($"{Describe()} lies {MaxDepth} deep, and guests go no deeper. Build a flatter tree.");
        }

        var child = new DeviceTreeNode(_tree, name, _depth + 1);
        _children.Add(child);
        return child;
    }

    /// <summary>The child of a name, or null.</summary>
    /// <param name="name">Its name with its unit address.</param>
    public DeviceTreeNode? Find(string name) => _children.Find(child => child.Name == name);

    /// <summary>The value of a property, or null.</summary>
    /// <param name="name">Its name.</param>
    public DeviceTreeValue? Get(string name)
    {
        int index = _properties.FindIndex(property => property.Key == name);
        return index < 0 ? null : _properties[index].Value;
    }

    /// <summary>Sets a property whose presence is all it says.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>This node.</returns>
    public DeviceTreeNode Set(string name) => Set(name, DeviceTreeValue.Present);

    /// <summary>Sets a property of cells of 32 bits.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="cells">The cells.</param>
    /// <returns>This node.</returns>
    public DeviceTreeNode Set(string name, params uint[] cells) => Set(name, DeviceTreeValue.Of(cells));

    /// <summary>Sets a property of strings.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="texts">The strings.</param>
    /// <returns>This node.</returns>
    public DeviceTreeNode Set(string name, params string[] texts) => Set(name, DeviceTreeValue.Of(texts));

    /// <summary>Sets a property of numbers of 64 bits, each two cells: reg, where addresses and sizes have two.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="numbers">The numbers.</param>
    /// <returns>This node.</returns>
    public DeviceTreeNode SetNumbers(string name, params ulong[] numbers)
    {
        ArgumentNullException.ThrowIfNull(numbers);
        uint[] cells = new uint[2 * numbers.Length];
        for (int i = 0; i < numbers.Length; i++)
        {
            cells[2 * i] = (uint)(numbers[i] >> 32);
            cells[(2 * i) + 1] = (uint)numbers[i];
        }

        return Set(name, DeviceTreeValue.Of(cells));
    }

    /// <summary>Sets a property; a value that it has is replaced.</summary>
    /// <param name="name">Its name: 1 to 31 characters (Devicetree Specification 0.4, 2.2.4.1). "phandle" is given by <see cref="Phandle"/>.</param>
    /// <param name="value">Its value.</param>
    /// <returns>This node.</returns>
    /// <exception cref="ArgumentException">The name is none, or a string has a zero character in it.</exception>
    public DeviceTreeNode Set(string name, DeviceTreeValue value)
    {
        DeviceTreeNames.RequireProperty(name);
        ArgumentNullException.ThrowIfNull(value);
        if (name == PhandleName)
        {
            throw new ArgumentException($"The tree gives its nodes their phandles. Read {nameof(Phandle)} in place of setting it.", nameof(name));
        }

        if (value is DeviceTreeValue.Texts texts && texts.Values.Any(static text => text is null || text.Contains('\0')))
        {
            throw new ArgumentException($"A string of {name} is null or has a zero character in it, where the guest would see its end. Take it out.", nameof(value));
        }

        int index = _properties.FindIndex(property => property.Key == name);
        if (index < 0)
        {
            _properties.Add(new(name, value));
        }
        else
        {
            _properties[index] = new(name, value);
        }

        return this;
    }

    internal void CopyTo(DeviceTreeNode other)
    {
        other._phandle = _phandle;
        other._properties.AddRange(_properties);
        foreach (DeviceTreeNode child in _children)
        {
            child.CopyTo(other.Add(child.Name));
        }
    }

    private string Describe() => Name.Length == 0 ? "The root" : $"Node \"{Name}\"";
}
