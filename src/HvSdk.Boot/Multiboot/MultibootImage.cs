using System.Text;

namespace HvSdk.Boot;

/// <summary>A module that has its place.</summary>
/// <param name="Address">First GPA.</param>
/// <param name="End">The GPA behind it.</param>
/// <param name="CommandLine">GPA of its command line, with multiboot 1.</param>
internal readonly record struct PlacedModule(ulong Address, ulong End, ulong CommandLine);

/// <summary>A kernel by the multiboot specification, version 1 or 2, with its command line and modules. It starts in 32-bit mode without paging.</summary>
public sealed class MultibootImage : X64BootImage
{
    private readonly BootFile _kernel;
    private readonly MultibootHeader _header;
    private readonly IReadOnlyList<BootModule> _modules;
    private readonly byte[] _commandLine;
    private readonly byte[] _loaderName;
    private readonly byte[][] _moduleCommandLines;

    private MultibootImage(BootFile kernel, MultibootHeader header, MultibootOptions options)
        : base([kernel, .. options.Modules.Select(static module => module.File)])
    {
        _kernel = kernel;
        _header = header;
        _modules = [.. options.Modules];
        _commandLine = Text(options.CommandLine);
        _loaderName = Text(options.LoaderName);
        _moduleCommandLines = [.. options.Modules.Select(static module => Text(module.CommandLine))];
    }

    /// <inheritdoc/>
    public override string Format => $"Multiboot {_header.Version}";

    /// <summary>Reads the headers of a kernel for multiboot 1: an ELF file, or any other that gives its own addresses in its multiboot header.</summary>
    /// <param name="kernel">The file. The image closes it; where this method throws, it stays the caller's.</param>
    /// <param name="options">What the kernel is given; null: nothing.</param>
    /// <exception cref="BootImageException">It is damaged, or needs what is not offered: the text names field, offset, what was found and what is expected.</exception>
    public static MultibootImage ReadMultiboot1(BootFile kernel, MultibootOptions? options = null)
    {
        options = Validate(kernel, options);
        return new MultibootImage(kernel, Multiboot1.Read(new ImageReader(kernel)), options);
    }

    /// <summary>Reads the headers of a kernel for multiboot 2: an ELF file, or any other that gives its own addresses in its multiboot header.</summary>
    /// <param name="kernel">The file. The image closes it; where this method throws, it stays the caller's.</param>
    /// <param name="options">What the kernel is given; null: nothing.</param>
    /// <exception cref="BootImageException">It is damaged, or needs what is not offered: the text names field, offset, what was found and what is expected.</exception>
    public static MultibootImage ReadMultiboot2(BootFile kernel, MultibootOptions? options = null)
    {
        options = Validate(kernel, options);
        return new MultibootImage(kernel, Multiboot2.Read(new ImageReader(kernel)), options);
    }

    /// <summary>KiB of RAM from address 0 on and from 1 MiB on, each up to the first hole.</summary>
    internal static (uint Lower, uint Upper) MeasureMemory(BootMachine machine)
    {
        return (Measure(0, 640), Measure(BootPlacement.OneMiB, uint.MaxValue));

        uint Measure(ulong from, uint atMost)
        {
            ulong end = from;
            foreach (MemoryMapEntry entry in machine.MemoryMap.Where(static e => e.Kind == MemoryMapKind.Usable).OrderBy(static e => e.Address))
            {
                if (entry.Address <= end && entry.Size > end - entry.Address)
                {
                    end = entry.Size > ulong.MaxValue - entry.Address ? ulong.MaxValue : entry.Address + entry.Size;
                }
            }

            return (uint)ulong.Min((end - from) >> 10, atMost);
        }
    }

    private protected override Func<BootWriter, BootState> Plan(BootPlacement placement)
    {
        ulong distance = PlaceKernel(placement);
        Func<BootWriter, X64Registers, X64BootState> enter = X64Entry.Protected(placement);
        Func<BootWriter, PlacedModule[], ulong> writeInformation = _header.Version == 1 ? PlanInformation1(placement) : PlanInformation2(placement, distance);
        ulong[] addresses = new ulong[_modules.Count];
        for (int i = 0; i < addresses.Length; i++)
        {
            // Behind the kernel, on pages, as low as possible: early code maps little memory.
            addresses[i] = placement.Allocate($"module {_modules[i].File.Name}", (ulong)_modules[i].File.Length, BootPlacement.PageSize, BootPlacement.OneMiB, BootPlacement.FourGiB);
        }

        return writer =>
        {
            LoadSegment.Write(writer, "loading the kernel", _kernel, _header.Segments, distance);
            var modules = new PlacedModule[addresses.Length];
            for (int i = 0; i < modules.Length; i++)
            {
                BootFile file = _modules[i].File;
                writer.Copy($"loading module {file.Name}", file, 0, addresses[i], file.Length);
                modules[i] = new PlacedModule(addresses[i], addresses[i] + (ulong)file.Length, 0);
            }

            ulong information = writeInformation(writer, modules);
            return enter(writer, new X64Registers
            {
                Rip = unchecked(_header.Entry + distance),
                Rax = _header.Version == 1 ? Multiboot1.BootMagic : Multiboot2.BootMagic,
                Rbx = information,
            });
        };
    }

    private static MultibootOptions Validate(BootFile kernel, MultibootOptions? options)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        options ??= new MultibootOptions();
        ArgumentNullException.ThrowIfNull(options.CommandLine, nameof(options));
        ArgumentNullException.ThrowIfNull(options.LoaderName, nameof(options));
        ArgumentNullException.ThrowIfNull(options.Modules, nameof(options));
        foreach (BootModule module in options.Modules)
        {
            ArgumentNullException.ThrowIfNull(module, nameof(options));
            ArgumentNullException.ThrowIfNull(module.File, nameof(options));
            ArgumentNullException.ThrowIfNull(module.CommandLine, nameof(options));
        }

        return options.Modules.Select(static module => module.CommandLine).Append(options.CommandLine).Append(options.LoaderName).Any(static text => text.Contains('\0'))
            ? throw new ArgumentException("A text has a zero character in it, where the kernel would see its end.", nameof(options))
            : options;
    }

    private static byte[] Text(string text) => Encoding.UTF8.GetBytes(text + '\0');

    /// <summary>Takes a place for the kernel.</summary>
    /// <returns>How far it is from where it was linked to; it may wrap around.</returns>
    private ulong PlaceKernel(BootPlacement placement)
    {
        if (_header.Relocation is { } relocation)
        {
            bool fits = _header.Start >= relocation.From && _header.Start + _header.Size - 1 <= relocation.Last && _header.Start % relocation.Alignment == 0;
            if (relocation.Preference == 0 && fits && placement.TryReserve("the kernel", _header.Start, _header.Size))
            {
                return 0;
            }

            ulong address = placement.Allocate(
                "the kernel", _header.Size, relocation.Alignment, ulong.Max(relocation.From, BootPlacement.OneMiB), relocation.Last + 1, relocation.Preference == 2);
            return unchecked(address - _header.Start);
        }

        foreach (LoadSegment segment in _header.Segments)
        {
            placement.Reserve($"the kernel's {segment.Name}", segment.Address, segment.MemorySize);
        }

        return 0;
    }

    private Func<BootWriter, PlacedModule[], ulong> PlanInformation1(BootPlacement placement)
    {
        // One block: the information, the map, the modules, and then the texts.
        ulong mapOffset = (Multiboot1.InformationSize + 7) & ~7;
        ulong modulesOffset = mapOffset + Multiboot1.MapSize(placement.Machine);
        ulong textOffset = modulesOffset + Multiboot1.ModulesSize(_modules.Count);
        ulong size = textOffset + (ulong)(_commandLine.Length + _loaderName.Length + _moduleCommandLines.Sum(static text => text.Length));
        ulong address = placement.AllocateLow("the multiboot information", size);
        return (writer, modules) =>
        {
            ulong at = address + textOffset;
            ulong commandLine = WriteText(_commandLine);
            ulong loaderName = WriteText(_loaderName);
            for (int i = 0; i < modules.Length; i++)
            {
                modules[i] = modules[i] with { CommandLine = WriteText(_moduleCommandLines[i]) };
            }

            writer.Write(address + mapOffset, Multiboot1.BuildMap(placement.Machine));
            writer.Write(address + modulesOffset, Multiboot1.BuildModules(modules));
            writer.Write(address, Multiboot1.BuildInformation(
                placement.Machine, (uint)commandLine, (uint)loaderName, modules.Length, (uint)(address + modulesOffset), (uint)(address + mapOffset)));
            return address;

            ulong WriteText(byte[] text)
            {
                ulong place = at;
                writer.Write(place, text);
                at += (uint)text.Length;
                return place;
            }
        };
    }

    private Func<BootWriter, PlacedModule[], ulong> PlanInformation2(BootPlacement placement, ulong distance)
    {
        int textSize = _commandLine.Length + _loaderName.Length + _moduleCommandLines.Sum(static text => text.Length);
        ulong size = Multiboot2Information.SizeFor(placement.Machine, textSize, _modules.Count);
        ulong address = placement.AllocateLow("the multiboot information", size);
        return (writer, modules) =>
        {
            var information = new Multiboot2Information((int)size);
            information.AddText(1, _commandLine);
            information.AddText(2, _loaderName);
            for (int i = 0; i < modules.Length; i++)
            {
                information.AddModule(modules[i], _moduleCommandLines[i]);
            }

            information.AddMemory(placement.Machine);
            information.AddRootPointer(writer, placement.Machine.AcpiRootPointer);
            information.AddLoadBase((uint)unchecked(_header.Start + distance));
            writer.Write(address, information.Finish());
            return address;
        };
    }
}
